using System.Globalization;
using System.Text;
using Sluice.Resp.Connection;
using Sluice.Resp.Tests.PubSub;
using Xunit;

namespace Sluice.Resp.Tests.Tracking;

/// <summary>The near cache against a real server whose keys change under it.</summary>
public sealed class LiveTrackingTests : IAsyncLifetime
{
    private LiveServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await LiveServer.StartAsync();

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    // Prevents stale values, the one thing that a cache must not serve: versions only grow for every reader, and what was invalidated is never seen again, although the cache's connection
    // is killed again and again.
    [Theory]
    [InlineData(RespTrackingMode.Default)]
    [InlineData(RespTrackingMode.Broadcast)]
    public async Task No_value_survives_its_invalidation_or_the_connection_that_it_came_over(RespTrackingMode mode)
    {
        const int Keys = 16, Versions = 400, Readers = 4, Kills = 12;
        await using TrackingCache cache = new(_server.Terms, new TrackingCacheOptions { Tracking = new() { Mode = mode } });
        await using RespLink writer = new(_server.Terms);
        long[] acknowledged = new long[Keys];
        long written = 0;
        bool writing = true;

        Task writers = Task.WhenAll(Enumerable.Range(0, Keys).Select(key => Task.Run(() => WriteAsync(key), Token)));
        Task[] readers = [.. Enumerable.Range(0, Readers).Select(reader => Task.Run(() => ReadAsync(reader), Token))];
        int killed = 0;
        for (int kill = 0; kill < Kills; kill++)
        {
            while (Interlocked.Read(ref written) < kill * (long)Keys * Versions / Kills)
                await Task.Yield();
            killed += await KillAsync(cache);
        }

        await writers;
        Volatile.Write(ref writing, false);
        long[] checks = new long[Readers];
        for (int reader = 0; reader < Readers; reader++)
            checks[reader] = await (Task<long>)readers[reader];
        await FenceBehindKillsAsync(cache);
        for (int key = 0; key < Keys; key++)
            Assert.Equal(Versions, await VersionAsync(cache, key));
        TrackingCacheStatistics statistics = cache.Statistics;
        Assert.True(killed > Kills / 2 && statistics.Flushes >= killed, $"{killed} connections were killed, {statistics.Flushes} flushes.");
        Assert.True(statistics.Hits > 0 && statistics.Invalidations > 0 && checks.Sum() > 0, statistics.ToString());
        Assert.Equal(0, cache.Link.Current!.InFlight);

        async Task WriteAsync(int key)
        {
            for (int version = 1; version <= Versions; version++)
            {
                Assert.Equal("OK", await AskAsync(writer, "SET", $"k{key}", version.ToString(CultureInfo.InvariantCulture)));
                Volatile.Write(ref acknowledged[key], version);
                Interlocked.Increment(ref written);
            }
        }

        async Task<long> ReadAsync(int reader)
        {
            long[] seen = new long[Keys];
            long fenced = 0;
            Random random = new(reader);
            while (Volatile.Read(ref writing))
            {
                int key = random.Next(Keys);
                long floor = Volatile.Read(ref acknowledged[key]);
                try
                {
                    // Behind the fence every invalidation of a version up to the floor has been processed.
                    bool isFenced = random.Next(4) == 0;
                    if (isFenced)
                        await FenceAsync(cache);
                    for (int again = 0; again < 4; again++)
                    {
                        long version = await VersionAsync(cache, key);
                        Assert.True(version >= seen[key], $"Key {key}: version {version} after {seen[key]}.");
                        seen[key] = version;
                        if (isFenced)
                            Assert.True(version >= floor, $"Key {key}: version {version}, although {floor} was invalidated.");
                    }

                    fenced += isFenced ? 1 : 0;
                }
                catch (RespConnectionException)
                {
                    // Killed meanwhile: what comes next comes from the next connection, and is held to the same.
                }
            }

            return fenced;
        }
    }

    // Prevents a hit that costs a round trip or garbage.
    [Fact]
    public async Task A_hit_sends_nothing_and_allocates_nothing()
    {
        await using TrackingCache cache = new(_server.Terms, null);
        await using RespLink writer = new(_server.Terms);
        await AskAsync(writer, "SET", "k", "v");
        await cache.GetAsync("k", Token);
        string before = await CallsAsync();
        for (int warm = 0; warm < 1000; warm++)
            await cache.GetAsync("k", Token);
        long allocated = Hit(10_000, cache);
        Assert.Equal(0, allocated);
        Assert.Equal(before, await CallsAsync());
        Assert.Equal(11_000, cache.Statistics.Hits);

        static long Hit(int count, TrackingCache cache)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int hit = 0; hit < count; hit++)
            {
                ValueTask<ReadOnlyMemory<byte>?> value = cache.GetAsync("k", CancellationToken.None);
                if (!value.IsCompletedSuccessfully || value.Result is null)
                    return -1;
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        async Task<string> CallsAsync() =>
            (await _server.AskAsync("INFO", "commandstats")).Split('\n').First(line => line.StartsWith("cmdstat_get:", StringComparison.Ordinal)).Split(',')[0];
    }

    // Prevents what only a real server does: flushing, expiring without a word, deleting.
    [Fact]
    public async Task Flushed_deleted_and_expired_keys_are_gone_here_too()
    {
        await using TrackingCache cache = new(_server.Terms, null);
        await using RespLink writer = new(_server.Terms);
        await AskAsync(writer, "SET", "flushed", "1");
        Assert.NotNull(await cache.GetAsync("flushed", Token));
        await AskAsync(writer, "FLUSHALL");
        await FenceAsync(cache);
        Assert.Null(await cache.GetAsync("flushed", Token));

        await AskAsync(writer, "SET", "flushed", "2");
        await FenceAsync(cache);
        Assert.NotNull(await cache.GetAsync("flushed", Token));
        await AskAsync(writer, "GETDEL", "flushed");
        await FenceAsync(cache);
        Assert.Null(await cache.GetAsync("flushed", Token));

        await AskAsync(writer, "DEBUG", "SET-ACTIVE-EXPIRE", "0");
        await AskAsync(writer, "SET", "brief", "1", "PX", "50");
        long set = RespClock.Now;
        await cache.GetAsync("brief", Token);
        SpinWait.SpinUntil(() => RespClock.Now > set + 100);
        Assert.Null(await cache.GetAsync("brief", Token));
    }

    private static async Task<long> VersionAsync(TrackingCache cache, int key) =>
        await cache.GetAsync($"k{key}", Token) is { } value ? long.Parse(Encoding.UTF8.GetString(value.Span), CultureInfo.InvariantCulture) : 0;

    private static async Task FenceAsync(TrackingCache cache) => await AskAsync(cache.Link, "PING");

    /// <summary>The first fence that succeeds: the last kill may be on its way.</summary>
    private static async Task FenceBehindKillsAsync(TrackingCache cache)
    {
        while (true)
        {
            try
            {
                await FenceAsync(cache);
                return;
            }
            catch (RespConnectionException)
            {
                Token.ThrowIfCancellationRequested();
            }
        }
    }

    private static async Task<string?> AskAsync(RespLink link, params string[] words)
    {
        ReplySlot slot = link.Rent(ReplyKind.Text, new SendTerms(0, Token));
        ValueTask<string?> reply = new(slot, slot.Token);
        Send();
        return await reply;

        void Send()
        {
            using RespCommandWriter writer = new(stackalloc byte[256]);
            foreach (string word in words)
                writer.Write(word);
            link.Send(writer.Complete(), slot);
        }
    }

    private async Task<int> KillAsync(TrackingCache cache)
    {
        try
        {
            string id = (await AskAsync(cache.Link, "CLIENT", "ID"))!;
            string killed = await _server.AskAsync("CLIENT", "KILL", "ID", id);
            return killed == ":1" ? 1 : 0;
        }
        catch (RespConnectionException)
        {
            return 0;
        }
    }
}
