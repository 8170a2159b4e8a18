using System.Globalization;
using Sluice.Resp.Connection;
using Sluice.Resp.Tests.PubSub;
using Xunit;

namespace Sluice.Resp.Tests.Tracking;

/// <summary>A watch of keys by prefix against a real server.</summary>
public sealed class KeyWatchTests : IAsyncLifetime
{
    private LiveServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await LiveServer.StartAsync();

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    // Prevents a near cache that believes a silence: every connection begins with a gap, and then the changes of the prefix are told, and of nothing else.
    [Fact]
    public async Task It_begins_with_a_gap_and_tells_changes_of_its_prefixes_only()
    {
        await using RespKeyWatch watch = Watch(["a:", "b:"]);
        await using IAsyncEnumerator<RespKeyChange> changes = watch.ReadAllAsync(Token).GetAsyncEnumerator(Token);
        Assert.True(await changes.MoveNextAsync());
        Assert.True(changes.Current.IsGap);
        Assert.True(watch.IsTracking);
        Assert.Null(watch.Refusal);

        await SetAsync("c:1");
        await SetAsync("a:1");
        Assert.Equal("a:1", await NextAsync(changes));
        await SetAsync("b:größe");
        Assert.Equal("b:größe", await NextAsync(changes));
    }

    // Prevents changes that vanish with a connection: what came before the kill is told or covered by the gap behind it.
    [Fact]
    public async Task A_lost_connection_is_a_gap_and_changes_go_on()
    {
        await using RespKeyWatch watch = Watch(["k:"]);
        await using IAsyncEnumerator<RespKeyChange> changes = watch.ReadAllAsync(Token).GetAsyncEnumerator(Token);
        Assert.Null(await NextAsync(changes));
        for (int turn = 0; turn < 5; turn++)
        {
            watch.Link.Current?.Fail(new RespConnectionException("cut by the test"));
            while (await NextAsync(changes) is not null || !watch.IsTracking)
            {
                // What was told before, and the gap of the end; the one of the new connection is the one that counts.
            }

            string key = string.Create(CultureInfo.InvariantCulture, $"k:{turn}");
            await SetAsync(key);
            string? told;
            do
                told = await NextAsync(changes);
            while (told is null);
            Assert.Equal(key, told);
        }
    }

    // Prevents a slow reader from missing changes without knowing: what finds no room becomes a gap.
    [Fact]
    public async Task What_a_slow_reader_misses_is_a_gap()
    {
        await using RespKeyWatch watch = Watch(["k:"], buffered: 4);
        await using IAsyncEnumerator<RespKeyChange> changes = watch.ReadAllAsync(Token).GetAsyncEnumerator(Token);
        Assert.Null(await NextAsync(changes));
        string? read;
        int turn = 0;
        do
        {
            // Ten come for one that is read: sooner or later there is no room.
            for (int i = 0; i < 10; i++)
                await SetAsync(string.Create(CultureInfo.InvariantCulture, $"k:{turn}:{i}"));
            read = await NextAsync(changes);
        }
        while (read is not null && ++turn < 50);

        Assert.Null(read);
    }

    // Prevents a cache that trusts a server which never tells: the refusal is there when the first gap is.
    [Fact]
    public async Task A_server_that_refuses_to_track_says_so_with_the_first_gap()
    {
        Assert.StartsWith("+OK", await _server.AskAsync("ACL", "SETUSER", "default", "-client|tracking"), StringComparison.Ordinal);
        await using RespKeyWatch watch = Watch(["k:"]);
        await using IAsyncEnumerator<RespKeyChange> changes = watch.ReadAllAsync(Token).GetAsyncEnumerator(Token);

        Assert.Null(await NextAsync(changes));
        Assert.False(watch.IsTracking);
        Assert.NotNull(watch.Refusal);
    }

    [Fact]
    public async Task A_disposed_watch_ends_its_stream()
    {
        RespKeyWatch watch = Watch(["k:"]);
        await watch.DisposeAsync();
        await watch.DisposeAsync();

        await foreach (RespKeyChange change in watch.ReadAllAsync(Token))
            Assert.True(change.IsGap);
    }

    private static async Task<string?> NextAsync(IAsyncEnumerator<RespKeyChange> changes)
    {
        Assert.True(await changes.MoveNextAsync());
        return changes.Current.Key;
    }

    private async Task SetAsync(string key) => Assert.StartsWith("+OK", await _server.AskAsync("SET", key, "1"), StringComparison.Ordinal);

    private RespKeyWatch Watch(string[] prefixes, int buffered = 4_096) => new(_server.Terms, prefixes, buffered, static _ => { });
}
