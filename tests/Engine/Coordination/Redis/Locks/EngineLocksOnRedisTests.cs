using System.Diagnostics;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>Locks as applications use them, between engines that share nothing but a server.</summary>
public sealed class EngineLocksOnRedisTests
{
    // No backstop comes to help within the life of a test: what is granted was told by a push, and what is lost was told by the server.
    private static readonly TimeSpan NeverDuringTheTest = TimeSpan.FromMinutes(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: waiters that are found by the backstop only, a part of a lease late.
    [Fact]
    public async Task A_lock_is_handed_from_engine_to_engine_by_a_push()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using SluiceEngine first = await EngineAsync(server, NeverDuringTheTest), second = await EngineAsync(server, NeverDuringTheTest);
        long highest = 0;
        for (int i = 0; i < 50; i++)
        {
            LockHandle held = await first.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation);
            Assert.True(held.FencingToken > highest);
            Task<LockHandle> waiting = second.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation).AsTask();
            while ((await first.Locks.Mutex("x").GetParticipantsAsync(Cancellation)).Waiting == 0)
                Cancellation.ThrowIfCancellationRequested();
            Assert.Equal(ReleaseOutcome.Released, await held.ReleaseAsync(Cancellation));
            await using LockHandle next = await waiting;
            Assert.True(next.FencingToken > held.FencingToken);
            highest = next.FencingToken;
        }
    }

    // Prevents: a holder that works on for ever after the server lost the lock.
    [Fact]
    public async Task A_holder_is_told_that_the_server_has_forgotten_its_lock()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using SluiceEngine engine = await EngineAsync(server, TimeSpan.FromSeconds(2)), other = await EngineAsync(server, TimeSpan.FromSeconds(2));
        LockHandle held = await engine.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation);
        TaskCompletionSource lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = held.LostToken.Register(lost.SetResult);
        Assert.Equal("+OK", await server.AskAsync(["FLUSHALL"], Cancellation));
        await lost.Task.WaitAsync(Cancellation);
        Assert.False(held.IsHeld);
        await using LockHandle next = await other.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation);
        Assert.True(next.FencingToken > held.FencingToken);
        Assert.Equal(ReleaseOutcome.AlreadyLost, await held.ReleaseAsync(Cancellation));
        Assert.True(next.IsHeld);
    }

    // Prevents: keys that stay because a caller gave up, was cancelled, or died while it waited.
    [Fact]
    public async Task Who_gives_up_is_cancelled_or_dies_leaves_no_key_behind()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using SluiceEngine holder = await EngineAsync(server, TimeSpan.FromSeconds(2), partitions: 1);
        await using SluiceEngine other = await EngineAsync(server, TimeSpan.FromSeconds(2), partitions: 1), mortal = await EngineAsync(server, TimeSpan.FromSeconds(2), partitions: 1);
        await using LockHandle x = await holder.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation);
        await using LockHandle y = await other.Locks.Mutex("y").AcquireAsync(NeverDuringTheTest, Cancellation);
        string before = await KeysAsync(server);
        Assert.Null(await other.Locks.Mutex("x").TryAcquireAsync(TimeSpan.FromMilliseconds(20), Cancellation));
        using (CancellationTokenSource enough = new())
        {
            Task<LockHandle?> waiting = other.Locks.Mutex("x").TryAcquireAsync(Timeout.InfiniteTimeSpan, enough.Token).AsTask();
            await Eventually.UntilAsync(async () => (await holder.Locks.Mutex("x").GetParticipantsAsync(Cancellation)).Waiting == 1, Cancellation);
            Assert.NotEqual(before, await KeysAsync(server));
            await enough.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        }

        await Eventually.UntilAsync(async () => await KeysAsync(server) == before, Cancellation);
        Task<LockHandle?> dies = mortal.Locks.Mutex("x").TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await Eventually.UntilAsync(async () => (await holder.Locks.Mutex("x").GetParticipantsAsync(Cancellation)).Waiting == 1, Cancellation);
        await mortal.AbandonAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => dies);
        Assert.NotEqual(before, await KeysAsync(server));
        await Eventually.UntilAsync(async () => await KeysAsync(server) == before, Cancellation);
        Assert.True(x.IsHeld && y.IsHeld);
    }

    // Prevents: a deadlock between processes that each of them takes for patience.
    [Fact]
    public async Task Owners_in_two_engines_that_wait_for_each_other_are_found_by_a_third()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using SluiceEngine first = await EngineAsync(server, NeverDuringTheTest), second = await EngineAsync(server, NeverDuringTheTest), third = await EngineAsync(server, NeverDuringTheTest);
        LockOptions anna = new() { Owner = new LockOwner("anna") }, bert = new() { Owner = new LockOwner("bert") };
        await using LockHandle x = await first.Locks.Mutex("x", anna).AcquireAsync(NeverDuringTheTest, Cancellation);
        await using LockHandle y = await second.Locks.Mutex("y", bert).AcquireAsync(NeverDuringTheTest, Cancellation);
        using CancellationTokenSource end = new();
        Task<LockHandle?> annaWaits = first.Locks.Mutex("y", anna).TryAcquireAsync(Timeout.InfiniteTimeSpan, end.Token).AsTask();
        await Eventually.UntilAsync(async () => (await third.Locks.Mutex("y").GetParticipantsAsync(Cancellation)).Waiting == 1, Cancellation);
        Assert.Empty(await third.Locks.FindDeadlocksAsync(Cancellation));
        Task<LockHandle?> bertWaits = second.Locks.Mutex("x", bert).TryAcquireAsync(Timeout.InfiniteTimeSpan, end.Token).AsTask();
        await Eventually.UntilAsync(async () => (await third.Locks.Mutex("x").GetParticipantsAsync(Cancellation)).Waiting == 1, Cancellation);
        LockDeadlock found = Assert.Single(await third.Locks.FindDeadlocksAsync(Cancellation));
        Assert.Equal([new LockWait("anna", "mutex:y", "bert"), new LockWait("bert", "mutex:x", "anna")], found.Waits);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => annaWaits);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bertWaits);
    }

    // Prevents: a thread that is blocked for a server's answer without anybody having asked for that.
    [Fact]
    public async Task The_synchronous_form_says_that_there_is_a_server_to_ask()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using SluiceEngine engine = await EngineAsync(server, NeverDuringTheTest);
        NotSupportedException refused = Assert.Throws<NotSupportedException>(() => engine.Locks.Mutex("x").TryAcquire());
        Assert.Contains(nameof(IMutex.TryAcquireAsync), refused.Message, StringComparison.Ordinal);
    }

    // Prevents: a process that hears of nothing any more, because a server once refused to let it subscribe.
    [Fact]
    public async Task Pushes_are_heard_again_when_a_server_lets_its_users_subscribe_again()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using SluiceEngine engine = await EngineAsync(server, TimeSpan.FromSeconds(2));
        await using LockHandle held = await engine.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation);
        Assert.NotEqual(":0", await ListenersAsync(server));
        Assert.Equal("+OK", await server.AskAsync(["ACL", "SETUSER", "default", "resetchannels"], Cancellation));
        await Eventually.UntilAsync(async () => await ListenersAsync(server) == ":0", Cancellation);
        Assert.Equal("+OK", await server.AskAsync(["ACL", "SETUSER", "default", "allchannels"], Cancellation));
        await Eventually.UntilAsync(async () => await ListenersAsync(server) != ":0", Cancellation);
        Assert.True(held.IsHeld);
    }

    // Prevents: locks that are lost because the application blocks the threads that its renewals would need.
    [Fact]
    public async Task Locks_are_kept_while_the_pool_has_no_thread_left()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using ProcessHost run = ProcessHost.StartDotnet(
            typeof(StarvedPool).Assembly.Location, ["--explicit", "only", "--filter-class", typeof(StarvedPool).FullName!]);
        Assert.True(await run.ExitCode == 0, run.Transcript);
    }

    /// <summary>Run only by the test above, in a process of its own: nothing else could run beside it.</summary>
    [Trait("Run", "OnRequest")]
    public sealed class StarvedPool
    {
        private static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);

        [Fact(Explicit = true)]
        public async Task Hold_a_lock_for_leases_while_everybody_blocks()
        {
            await using PrivateRedisServer server = await StartAsync();
            await using SluiceEngine engine = await EngineAsync(server, Lease);
            LockHandle held = await engine.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation);
            Assert.True(await OnAThreadOfItsOwn(() => StayedHeld(held)), "The lock was lost.");
            Assert.Equal(ReleaseOutcome.Released, await held.ReleaseAsync(Cancellation));
        }

        private static Task<bool> OnAThreadOfItsOwn(Func<bool> work)
        {
            TaskCompletionSource<bool> done = new();
            new Thread(() => done.SetResult(work())) { IsBackground = true }.Start();
            return done.Task;
        }

        /// <summary>More blocks than the pool adds threads in that time.</summary>
        private static bool StayedHeld(LockHandle held)
        {
            using ManualResetEventSlim end = new();
            using CountdownEvent blocked = new(200);
            for (int i = 0; i < blocked.InitialCount; i++)
            {
                ThreadPool.UnsafeQueueUserWorkItem(_ =>
                {
                    end.Wait();
                    blocked.Signal();
                }, null);
            }

            bool isHeld = true;
            for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < Lease * 3; Thread.Sleep(20))
                isHeld &= held.IsHeld;
            isHeld &= ThreadPool.PendingWorkItemCount > 0;
            end.Set();
            blocked.Wait();
            return isHeld;
        }
    }

    private static async Task<string> ListenersAsync(PrivateRedisServer server) =>
        ":" + (await server.AskAsync(["INFO", "stats"], Cancellation)).Split("pubsub_channels:")[1].Split('\r')[0];

    /// <summary>All keys, with how much is in each.</summary>
    private static Task<string> KeysAsync(PrivateRedisServer server) => server.AskAsync(
        [
            "EVAL",
            "local all = {} for _, key in ipairs(redis.call('KEYS', '*')) do local kind = redis.call('TYPE', key).ok "
                + "all[#all + 1] = key .. ' ' .. (kind == 'hash' and redis.call('HLEN', key) or kind == 'zset' and redis.call('ZCARD', key) or kind) end table.sort(all) return table.concat(all, '; ')",
            "0",
        ],
        Cancellation);

    private static Task<SluiceEngine> EngineAsync(PrivateRedisServer server, TimeSpan lease, int partitions = 4) => SluiceEngine.StartAsync(
        new EngineOptions { Redis = { server.Url }, Partitions = partitions, Locks = { LeaseDuration = lease } }, Cancellation);

    private static async Task<PrivateRedisServer> StartAsync()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        return await PrivateRedisServer.StartAsync([], Cancellation);
    }
}
