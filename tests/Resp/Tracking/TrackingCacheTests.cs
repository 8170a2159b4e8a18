using System.Globalization;
using System.Text;
using Sluice.Resp.Connection;
using Sluice.Resp.Tests.PubSub;
using Xunit;

namespace Sluice.Resp.Tests.Tracking;

/// <summary>What a near cache keeps, and when it must not, played by hand byte by byte.</summary>
public sealed class TrackingCacheTests
{
    private const string Accepted = "%1\r\n+proto\r\n:3\r\n+OK\r\n";
    private const string NoEnd = ":-1\r\n";

    private readonly ScriptedServer _server = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Prevents a cache that asks all the same, and one that keeps what has changed.
    [Fact]
    public async Task A_value_is_read_once_until_the_server_says_that_it_changed()
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync();
        Assert.Equal("1", await ReadAsync(cache, session, "k", "$1\r\n1\r\n" + NoEnd));
        long writes = cache.Link.Current!.Writes;
        for (int hit = 0; hit < 100; hit++)
            Assert.Equal("1", await TextAsync(cache.GetAsync("k", Token)));
        Assert.True(cache.TryGet("k"u8, out ReadOnlyMemory<byte>? value));
        Assert.Equal("1"u8.ToArray(), value!.Value.ToArray());
        Assert.Equal(writes, cache.Link.Current!.Writes);
        Assert.Equal(101, cache.Statistics.Hits);

        await session.SendAsync(">2\r\n$10\r\ninvalidate\r\n*2\r\n$5\r\nother\r\n$1\r\nk\r\n");
        Assert.Equal("2", await ReadAsync(cache, session, "k", "$1\r\n2\r\n" + NoEnd, settle: true));
        Assert.Equal(2, cache.Statistics.Invalidations);
    }

    // Prevents the race that every cache has whose fills and invalidations meet on different threads: one segment holds the old value and its invalidation.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task An_invalidation_wins_against_the_reply_before_it_around_it_or_behind_it(int place)
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync();
        Task<string?> reading = TextAsync(cache.GetAsync("k", Token));
        await session.ExpectAsync("GET k", "PTTL k");
        string[] parts = ["$1\r\n1\r\n", NoEnd];
        string push = Pushes.Push("invalidate").Replace(">1", ">2", StringComparison.Ordinal) + "*1\r\n$1\r\nk\r\n";
        await session.SendAsync(place switch
        {
            0 => push + parts[0] + parts[1],
            1 => parts[0] + push + parts[1],
            _ => parts[0] + parts[1] + push,
        });
        Assert.Equal("1", await reading);
        Assert.Equal("2", await ReadAsync(cache, session, "k", "$1\r\n2\r\n" + NoEnd, settle: true));
        Assert.Equal("2", await TextAsync(cache.GetAsync("k", Token)));
    }

    // Prevents a FLUSHALL, or an invalidation in a shape of tomorrow, that leaves values behind.
    [Theory]
    [InlineData(">2\r\n+invalidate\r\n_\r\n")]
    [InlineData(">2\r\n$10\r\ninvalidate\r\n*-1\r\n")]
    [InlineData(">2\r\n+invalidate\r\n*1\r\n:5\r\n")]
    [InlineData(">2\r\n+invalidate\r\n*1\r\n*1\r\n+k\r\n")]
    [InlineData(">3\r\n+invalidate\r\n*1\r\n+k\r\n+more\r\n")]
    [InlineData(">1\r\n+invalidate\r\n")]
    public async Task An_invalidation_of_nothing_or_of_what_cannot_be_read_is_one_of_everything(string push)
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync();
        await ReadAsync(cache, session, "k", "$1\r\n1\r\n" + NoEnd);
        await ReadAsync(cache, session, "l", "_\r\n:-2\r\n");
        Assert.True(cache.TryGet("l", out ReadOnlyMemory<byte>? missing));
        Assert.Null(missing);
        await session.SendAsync(push);
        await ReadAsync(cache, session, "m", "$1\r\n1\r\n" + NoEnd, settle: true);
        Assert.False(cache.TryGet("k", out _));
        Assert.False(cache.TryGet("l", out _));
        Assert.True(cache.TryGet("m", out _));
    }

    // Prevents values of a connection whose invalidations nobody hears any more.
    [Fact]
    public async Task A_lost_connection_empties_the_cache_and_the_next_one_is_tracked_before_it_fills()
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync();
        await ReadAsync(cache, session, "k", "$1\r\n1\r\n" + NoEnd);
        Task<string?> lost = TextAsync(cache.GetAsync("l", Token));
        await session.ExpectAsync("GET l", "PTTL l");
        session.Close();
        await Assert.ThrowsAsync<RespConnectionException>(() => lost);
        Assert.False(cache.TryGet("k", out _));
        Task<string?> reading = TextAsync(cache.GetAsync("k", Token));
        session = await AcceptAsync();
        await session.ExpectAsync("GET k", "PTTL k");
        await session.SendAsync("$1\r\n2\r\n" + NoEnd);
        Assert.Equal("2", await reading);
        Assert.True(cache.TryGet("k", out _));
        Assert.True(cache.IsTracking);
    }

    // Prevents keeping on trust: a server that sends no invalidations is asked every time, by everyone.
    [Fact]
    public async Task Where_the_server_does_not_track_nothing_is_kept_and_no_read_is_shared()
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync("-ERR unknown command 'HELLO'\r\n+OK\r\n");
        await cache.Link.OpenAsync(failFast: false, Token);
        for (int read = 0; read < 2; read++)
        {
            Task<string?> one = TextAsync(cache.GetAsync("k", Token)), two = TextAsync(cache.GetAsync("k", Token));
            await session.ExpectAsync("GET k", "GET k");
            await session.SendAsync("$1\r\n1\r\n$1\r\n2\r\n");
            Assert.Equal(("1", "2"), (await one, await two));
        }

        Assert.False(cache.IsTracking);
        Assert.NotNull(cache.Refusal);
        Assert.Equal(0, cache.Statistics.Entries);
    }

    // Prevents a stampede on a key that many want at once; and that one who loses patience takes the value from the others.
    [Fact]
    public async Task Readers_of_one_key_share_one_read_and_one_who_gives_up_ends_only_its_own_wait()
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync();
        using CancellationTokenSource impatience = new();
        Task<string?> impatient = TextAsync(cache.GetAsync("k", impatience.Token));
        Task<string?>[] others = [.. Enumerable.Range(0, 50).Select(_ => TextAsync(cache.GetAsync("k", Token)))];
        await impatience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        await session.ExpectAsync("GET k", "PTTL k");
        await session.SendAsync("$1\r\n1\r\n" + NoEnd);
        Assert.All(await Task.WhenAll(others), text => Assert.Equal("1", text));
        Assert.Equal((1, 50), (cache.Statistics.Misses, cache.Statistics.Joined));
    }

    // Prevents a program that reads back something older than what it has just written.
    [Fact]
    public async Task Who_invalidates_reads_again_even_if_a_read_is_under_way()
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync();
        Task<string?> before = TextAsync(cache.GetAsync("k", Token));
        await session.ExpectAsync("GET k", "PTTL k");
        cache.Invalidate("k");
        Task<string?> after = TextAsync(cache.GetAsync("k", Token));
        await session.ExpectAsync("GET k", "PTTL k");
        await session.SendAsync("$3\r\nold\r\n" + NoEnd);
        Assert.Equal("old", await before);
        await session.SendAsync("$3\r\nnew\r\n" + NoEnd);
        Assert.Equal("new", await after);
        Assert.Equal("new", await TextAsync(cache.GetAsync("k", Token)));
    }

    // Prevents a value that outlives its key, and one that is kept with the end of another value.
    [Theory]
    [InlineData("$1\r\n1\r\n:60000\r\n", true)]
    [InlineData("$1\r\n1\r\n:0\r\n", false)]
    [InlineData("$1\r\n1\r\n:-2\r\n", false)]
    [InlineData("_\r\n:-1\r\n", false)]
    [InlineData("$1\r\n1\r\n-NOPERM no\r\n", false)]
    [InlineData("$1\r\n1\r\n+?\r\n", false)]
    public async Task A_value_is_kept_only_with_a_time_to_live_that_is_its_own(string replies, bool kept)
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync();
        await ReadAsync(cache, session, "k", replies);
        Assert.Equal(kept, cache.TryGet("k", out _));
        Assert.Equal(kept ? 0 : 1, cache.Statistics.NotKept);
    }

    // Prevents service after the end: the key is gone at the server even if it has not said so.
    [Fact]
    public async Task A_value_ends_with_its_key_or_with_its_age_without_a_word_of_the_server()
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync();
        long began = RespClock.Now;
        await ReadAsync(cache, session, "k", "$1\r\n1\r\n:40\r\n");
        SpinWait.SpinUntil(() => RespClock.Now >= began + 60);
        Assert.False(cache.TryGet("k", out _));
        Assert.Null(await ReadAsync(cache, session, "k", "_\r\n:-2\r\n"));

        await using TrackingCache young = new(_server.Terms, new TrackingCacheOptions { MaxAge = TimeSpan.FromMilliseconds(40), HonoursExpiry = false });
        session = await AcceptAsync();
        began = RespClock.Now;
        Task<string?> reading = TextAsync(young.GetAsync("k", Token));
        await session.ExpectAsync("GET k");
        await session.SendAsync("$1\r\n1\r\n");
        await reading;
        SpinWait.SpinUntil(() => RespClock.Now >= began + 60);
        Assert.False(young.TryGet("k", out _));
    }

    // Prevents an error that is kept, or that shifts the replies behind it.
    [Fact]
    public async Task An_error_fails_those_who_wait_and_the_next_read_is_a_new_one()
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync();
        await Assert.ThrowsAsync<RespServerException>(() => ReadAsync(cache, session, "k", "-WRONGTYPE no string\r\n:-1\r\n"));
        await Assert.ThrowsAsync<RespTypeException>(() => ReadAsync(cache, session, "k", "*1\r\n+x\r\n:-1\r\n"));
        Assert.Equal("1", await ReadAsync(cache, session, "k", "$1\r\n1\r\n" + NoEnd));
        Assert.Equal(0, cache.Link.Current!.InFlight);
    }

    // Prevents keeping keys of which the server was not asked to tell.
    [Fact]
    public async Task In_broadcast_mode_only_keys_with_a_prefix_are_kept()
    {
        TrackingCacheOptions options = new() { Tracking = new() { Mode = RespTrackingMode.Broadcast, Prefixes = ["user:", "lock:"], NoLoop = true } };
        await using TrackingCache cache = new(_server.Terms, options);
        ScriptedSession session = await _server.AcceptAsync(Token);
        await session.ExpectAsync("HELLO 3", "CLIENT TRACKING ON BCAST PREFIX user: PREFIX lock: NOLOOP");
        await session.SendAsync(Accepted);
        await ReadAsync(cache, session, "user:1", "$1\r\n1\r\n" + NoEnd);
        Task<string?> other = TextAsync(cache.GetAsync("other", Token));
        await session.ExpectAsync("GET other");
        await session.SendAsync("$1\r\n1\r\n");
        await other;
        Assert.True(cache.TryGet("user:1", out _));
        Assert.False(cache.TryGet("other", out _));
        Assert.Throws<ArgumentException>(() => new RespTrackingOptions { Mode = RespTrackingMode.Broadcast, Prefixes = ["a", "ab"] }.Validate());
        Assert.Throws<ArgumentException>(() => new RespTrackingOptions { Prefixes = ["a"] }.Validate());
    }

    // Prevents a cache that is deaf and does not know it.
    [Fact]
    public async Task A_server_that_lost_the_tracking_is_connected_to_anew()
    {
        await using TrackingCache cache = new(_server.Terms, null);
        ScriptedSession session = await AcceptAsync();
        await ReadAsync(cache, session, "k", "$1\r\n1\r\n" + NoEnd);
        await session.SendAsync(Pushes.Push("unheard-of", "5") + Pushes.Push("tracking-redir-broken", "5"));
        session = await AcceptAsync();
        Assert.Equal("2", await ReadAsync(cache, session, "k", "$1\r\n2\r\n" + NoEnd));
        Assert.InRange(cache.Statistics.Flushes, 1, 2);
    }

    // Prevents memory that one large value, or one more, takes beyond what was allowed.
    [Fact]
    public async Task Values_that_are_too_long_are_read_and_not_kept()
    {
        await using TrackingCache cache = new(_server.Terms, new TrackingCacheOptions { MaxValueBytes = 4, HonoursExpiry = false });
        ScriptedSession session = await AcceptAsync();
        Assert.True(await KeepsAsync("1234"));
        Assert.False(await KeepsAsync("12345"));

        async Task<bool> KeepsAsync(string value)
        {
            Task<string?> reading = TextAsync(cache.GetAsync(value, Token));
            await session.ExpectAsync($"GET {value}");
            await session.SendAsync(string.Create(CultureInfo.InvariantCulture, $"${value.Length}\r\n{value}\r\n"));
            Assert.Equal(value, await reading);
            return cache.TryGet(value, out _);
        }
    }

    private static async Task<string?> TextAsync(ValueTask<ReadOnlyMemory<byte>?> reading) => await reading is { } value ? Encoding.UTF8.GetString(value.Span) : null;

    private async Task<ScriptedSession> AcceptAsync(string replies = Accepted)
    {
        ScriptedSession session = await _server.AcceptAsync(Token);
        await session.ExpectAsync("HELLO 3", "CLIENT TRACKING ON");
        await session.SendAsync(replies);
        return session;
    }

    /// <summary>One read that has to go to the server.</summary>
    /// <param name="settle">Something was sent before that nobody awaited: a fence first.</param>
    private static async Task<string?> ReadAsync(TrackingCache cache, ScriptedSession session, string key, string replies, bool settle = false)
    {
        if (settle)
        {
            ReplySlot slot = cache.Link.Rent(ReplyKind.Nothing, default);
            ValueTask pong = new(slot, slot.Token);
            cache.Link.Send("*1\r\n$4\r\nPING\r\n"u8, slot);
            await session.ExpectAsync("PING");
            await session.SendAsync(Pushes.Pong);
            await pong;
        }

        Task<string?> reading = TextAsync(cache.GetAsync(key, Token));
        await session.ExpectAsync($"GET {key}", $"PTTL {key}");
        await session.SendAsync(replies);
        return await reading;
    }
}
