using System.Globalization;
using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Harness.Faults;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>Locks on a server that forgets scripts, cuts connections, loses everything, or has no memory left.</summary>
public sealed class LockServerFaultTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: a lock that fails because somebody flushed the scripts, or that is taken twice by the second try.
    [Fact]
    public async Task A_server_that_forgot_the_scripts_is_told_them_again_unnoticed()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using RealTimeLockServer locks = new(server.Url);
        await using LockPartitionUnderTest partition = new(locks, new LockNamespace(locks.Prefix, 4));
        SessionUnderTest a = await partition.OpenAsync();
        for (int i = 0; i < 4; i++)
        {
            await AskAsync(server, "SCRIPT", "FLUSH");
            HandleUnderTest held = await a.LockAsync("x");
            Assert.Equal(AcquireStatus.Granted, held.Status);
            HandleUnderTest waiting = await a.LockAsync("x");
            await AskAsync(server, "SCRIPT", "FLUSH");
            Renewal renewal = new(0, new RenewRequest(a.Id, LockPartitionUnderTest.Long, [held.Number, waiting.Number], 10));
            await partition.RenewAsync(renewal);
            Assert.Equal([HandleStanding.Held, HandleStanding.Waiting], renewal.Reply!.Handles.Select(static handle => handle.Standing));
            await AskAsync(server, "SCRIPT", "FLUSH");
            Assert.Equal(ReleaseStatus.Released, await held.ReleaseAsync());
            Assert.True(await waiting.GrantedAsync() > held.Token);
            await waiting.ReleaseAsync();
        }
    }

    // Prevents: a waiter that sleeps for ever because the connection for pushes died at the wrong moment.
    [Fact]
    public async Task Pushes_come_back_after_their_connection_was_killed_and_the_gap_is_told()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using RedisCoordinator coordinator = new(new RedisOptions { server.Url });
        LockNamespace space = new(SharedRedisServer.NewPrefix(), 4);
        LockEngineId engine = new(1, 2);
        GapSink sink = new();
        await using ILockSubscription subscription = coordinator.Locks.Subscribe(space, engine, sink);
        await subscription.ReadyAsync(1, Cancellation);
        for (int i = 0; i < 3; i++)
        {
            await AskAsync(server, "CLIENT", "KILL", "TYPE", "pubsub");
            await sink.GapAsync(space.Partitions);
            OpenSessionReply opened = await SendAsync(coordinator, space, new OpenSessionRequest(engine, LockPartitionUnderTest.Long, ""));
            await SendAsync(coordinator, space, new CloseSessionRequest(opened.Session, 10));
            await sink.EndedAsync(opened.Session);
        }
    }

    // Prevents: a request that fails although it can be asked again, and a lock that is held by a number that nobody knows.
    [Fact]
    public async Task Connections_that_are_killed_leave_locks_as_they_are()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using RealTimeLockServer locks = new(server.Url);
        await using LockPartitionUnderTest partition = new(locks, new LockNamespace(locks.Prefix, 4));
        SessionUnderTest a = await partition.OpenAsync();
        HandleUnderTest held = await a.LockAsync("x");
        await AskAsync(server, "CLIENT", "KILL", "TYPE", "normal");
        HandleReport report = await AgainAsync(() => a.LookUpAsync(held));
        Assert.Equal((HandleStanding.Held, held.Token), (report.Standing, report.Token));
        await AskAsync(server, "CLIENT", "KILL", "TYPE", "normal");
        Assert.NotEqual(ReleaseStatus.SessionLost, await AgainAsync(() => held.ReleaseAsync()));
    }

    // Prevents: a second lock, or none, when the reply to an acquire is lost; a lock that nobody has when its engine gives up instead.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_acquire_whose_reply_is_lost_is_asked_again_or_given_up(bool givesUp)
    {
        await using PrivateRedisServer server = await StartAsync();
        await using FaultProxy proxy = new(server.EndPoint);
        await using RealTimeLockServer behind = new(string.Create(CultureInfo.InvariantCulture, $"redis://127.0.0.1:{proxy.Endpoint.Port}"));
        await using RealTimeLockServer direct = new(server.Url);
        LockNamespace space = new(behind.Prefix, 4);
        await using LockPartitionUnderTest partition = new(behind, space), observer = new(direct, space);
        SessionUnderTest a = await partition.OpenAsync();

        // The server knows the script: its refusal of one that it doesn't know would be held back, too.
        await (await a.LockAsync("x")).ReleaseAsync();
        AcquireRequest request = a.Request(LockMode.Exclusive, "x");
        proxy.Stall(FaultDirection.ToClient);
        Task<HandleUnderTest> asking = a.AcquireAsync(request);
        ParticipantsReply found;
        while ((found = await observer.ParticipantsAsync("x")).Holders.IsEmpty)
            Cancellation.ThrowIfCancellationRequested();
        ParticipantEntry holder = Assert.Single(found.Holders);
        proxy.ResetAll();
        proxy.Resume(FaultDirection.ToClient);
        CoordinatorException lost = await Assert.ThrowsAsync<CoordinatorException>(() => asking);
        Assert.Equal(RequestOutcome.Unknown, lost.Outcome);
        if (givesUp)
        {
            Assert.Equal(ReleaseStatus.Released, await AgainAsync(() => a.ReleaseAsync(request.Number, doubtful: true)));
            Assert.Equal(AcquireStatus.Finished, (await AgainAsync(() => a.AgainAsync(request))).Status);
            Assert.Empty((await observer.ParticipantsAsync("x")).Holders);
        }
        else
        {
            AcquireReply again = await AgainAsync(() => a.AgainAsync(request));
            Assert.Equal((AcquireStatus.Granted, holder.Token), (again.Status, again.Token));
            Assert.Single((await observer.ParticipantsAsync("x")).Holders);
        }
    }

    // Prevents: locks that can't be released, sessions that die, and waiters that starve exactly when memory is full.
    [Fact]
    public async Task Without_memory_nothing_is_taken_and_everything_can_be_given_back()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using RealTimeLockServer locks = new(server.Url);
        await using LockPartitionUnderTest partition = new(locks, new LockNamespace(locks.Prefix, 4));
        SessionUnderTest a = await partition.OpenAsync(), b = await partition.OpenAsync(), dead = await partition.OpenAsync(locks.Short);
        HandleUnderTest held = await a.LockAsync("x"), writer = await a.LockAsync("y"), ofTheDead = await dead.LockAsync("z");
        HandleUnderTest waiting = await b.LockAsync("x"), reader = await b.AcquireAsync(LockMode.Shared, "y"), third = await b.LockAsync("z"), leaving = await b.LockAsync("x");
        Assert.Equal(AcquireStatus.Granted, ofTheDead.Status);
        await locks.ElapseAsync(locks.Short);
        await AskAsync(server, "CONFIG", "SET", "maxmemory", "1");

        CoordinatorException refused = await Assert.ThrowsAsync<CoordinatorException>(() => a.LockAsync("new"));
        Assert.Equal(RequestOutcome.NotApplied, refused.Outcome);
        Assert.Equal(AcquireStatus.Busy, (await b.LockAsync("x", waits: false)).Status);
        Assert.Equal(ReleaseStatus.GaveUp, await leaving.ReleaseAsync(doubtful: true));
        Assert.Equal(ReleaseStatus.Released, await held.ReleaseAsync(doubtful: true));
        await waiting.GrantedAsync();
        Assert.Equal(AcquireStatus.Granted, (await writer.ConvertAsync(1, LockMode.Shared)).Status);
        await reader.GrantedAsync();
        Assert.Equal(1, await partition.RevokeAsync("x"));
        RenewReply renewed = await b.RenewAsync(third.Number);
        Assert.Equal((true, HandleStanding.Held), (renewed.IsAlive, renewed.Handles.Single().Standing));
        Assert.True((await a.CloseAsync()).WasAlive);
        Assert.True((await b.CloseAsync()).WasAlive);
        Assert.Empty(await partition.LeftoversAsync());
        await AskAsync(server, "CONFIG", "SET", "maxmemory", "0");
    }

    // Prevents: two who believe that they hold, for as long as they like, after a restart without persistence; tokens that begin anew.
    [Fact]
    public async Task A_server_that_forgot_everything_tells_sessions_that_they_are_lost_and_its_tokens_go_on()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using RealTimeLockServer locks = new(server.Url);
        await using LockPartitionUnderTest partition = new(locks, new LockNamespace(locks.Prefix, 4));
        SessionUnderTest a = await partition.OpenAsync();
        AcquireRequest ahead = a.Request(LockMode.Exclusive, "x", seen: a.Opened.Clock + LockPartitionUnderTest.Long);
        HandleUnderTest held = await a.AcquireAsync(ahead);
        await AskAsync(server, "FLUSHALL");

        Renewal renewal = new(0, new RenewRequest(a.Id, LockPartitionUnderTest.Long, [held.Number], 10) { Seen = held.Token });
        await partition.RenewAsync(renewal);
        Assert.False(renewal.Reply!.IsAlive);
        Assert.Equal(AcquireStatus.SessionLost, (await held.AgainAsync()).Status);

        SessionUnderTest b = await partition.OpenAsync(seen: held.Token);
        Assert.True((await b.LockAsync("x")).Token > held.Token);
        Assert.Equal(ReleaseStatus.SessionLost, await held.ReleaseAsync());
        Assert.Equal(b.Id, Assert.Single((await partition.ParticipantsAsync("x")).Holders).Handle.Session);
    }

    // Prevents: processes that look for the same lock in different partitions, or on different servers.
    [Fact]
    public async Task Processes_that_disagree_about_partitions_or_servers_are_told_so()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using RealTimeLockServer locks = new(server.Url);
        await using LockPartitionUnderTest four = new(locks, new LockNamespace(locks.Prefix, 4)), five = new(locks, new LockNamespace(locks.Prefix, 5)),
            elsewhere = new(locks, new LockNamespace(locks.Prefix, 4, "another"));
        await four.OpenAsync();
        CoordinatorException other = await Assert.ThrowsAsync<CoordinatorException>(() => five.OpenAsync());
        Assert.Equal(RequestOutcome.NotApplied, other.Outcome);
        Assert.Contains(nameof(EngineOptions.Partitions), other.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<CoordinatorException>(() => elsewhere.OpenAsync());
    }

    // Prevents: a server that is down taking the locks of the others with it.
    [Fact]
    public async Task A_server_that_is_down_stops_its_locks_and_no_others()
    {
        await using PrivateRedisServer first = await StartAsync(), second = await StartAsync();
        await using RedisCoordinator coordinator = new(new RedisOptions { first.Url + "?timeout=500", second.Url + "?timeout=500" });
        LockNamespace space = new(SharedRedisServer.NewPrefix(), 16, coordinator.Servers);
        RendezvousServers placement = new([.. new[] { first, second }.Select(static server => Resp.RespClientOptions.Parse(server.Url).Endpoint.ToString())]);
        int here = Enumerable.Range(0, 16).First(partition => placement.Of(space.Name, partition) == 0), there = Enumerable.Range(0, 16).First(partition => placement.Of(space.Name, partition) == 1);
        OpenSessionReply one = await coordinator.Locks.SendAsync(space, here, new OpenSessionRequest(new LockEngineId(1, 1), LockPartitionUnderTest.Long, ""), Cancellation);
        OpenSessionReply two = await coordinator.Locks.SendAsync(space, there, new OpenSessionRequest(new LockEngineId(1, 1), LockPartitionUnderTest.Long, ""), Cancellation);
        second.Process.Kill();
        Renewal alive = new(here, new RenewRequest(one.Session, LockPartitionUnderTest.Long, [], 10)), cut = new(there, new RenewRequest(two.Session, LockPartitionUnderTest.Long, [], 10));
        await RenewalWaiter.RenewAsync(coordinator.Locks, space, [cut, alive], TimeSpan.FromSeconds(2));
        Assert.True(alive.Reply!.IsAlive);
        Assert.Null(cut.Reply);
        Assert.IsType<CoordinatorException>(cut.Error);
    }

    private static async Task<PrivateRedisServer> StartAsync()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        return await PrivateRedisServer.StartAsync([], Cancellation);
    }

    private static async Task AskAsync(PrivateRedisServer server, params string[] command) =>
        Assert.DoesNotContain("-ERR", await server.AskAsync(command, Cancellation), StringComparison.Ordinal);

    private static async Task<TReply> SendAsync<TReply>(RedisCoordinator coordinator, LockNamespace space, LockRequest<TReply> request) =>
        await coordinator.Locks.SendAsync(space, 1, request, Cancellation);

    /// <summary>Asks until there is an answer, as engines do: a connection that dies with a request in it says that its outcome is unknown.</summary>
    private static async Task<T> AgainAsync<T>(Func<Task<T>> ask)
    {
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (CoordinatorException)
            {
                Cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    private sealed class GapSink : ILockWakeSink
    {
        private readonly RecordedWakes _wakes = new();
        private readonly SemaphoreSlim _gaps = new(0);

        public void OnWake(int partition, in LockWake wake) => _wakes.OnWake(partition, wake);

        public void OnGap(int partition) => _gaps.Release();

        public async Task GapAsync(int partitions)
        {
            for (int i = 0; i < partitions; i++)
                await _gaps.WaitAsync(Cancellation);
        }

        public Task<LockWake> EndedAsync(IncarnationId session) => _wakes.NextAsync(wake => wake.Kind == LockWakeKind.SessionEnded && wake.Session == session);
    }
}
