using System.Globalization;
using System.Text.RegularExpressions;
using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>What locks ask of a server: how many commands, subscriptions and bytes.</summary>
public sealed class LockCostTests
{
    private const long Long = LockPartitionUnderTest.Long;
    private const int Partitions = 4;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: round trips that nobody needs.
    [Fact]
    public async Task An_uncontended_acquire_and_its_release_are_one_command_each()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using RedisCoordinator coordinator = new(new RedisOptions { server.Url });
        LockNamespace space = new("cost", Partitions);
        OpenSessionReply opened = await SendAsync(coordinator, space, 0, new OpenSessionRequest(new LockEngineId(1, 1), Long, ""));
        await LockAsync(coordinator, space, opened.Session, 0, 1, "x");
        await SendAsync(coordinator, space, 0, new ReleaseRequest(opened.Session, 1, IsDoubtful: false));
        long before = await ScriptsAsync(server);
        for (int number = 2; number <= 101; number++)
        {
            await LockAsync(coordinator, space, opened.Session, 0, number, "x");
            await SendAsync(coordinator, space, 0, new ReleaseRequest(opened.Session, number, IsDoubtful: false));
        }

        Assert.Equal(200, await ScriptsAsync(server) - before);
    }

    // Prevents: renewals that grow with the locks until they take longer than a lease.
    [Fact]
    public async Task Renewing_takes_one_command_per_partition_however_many_locks_are_held()
    {
        const int Locks = 20_000;
        await using PrivateRedisServer server = await StartAsync();
        await using RedisCoordinator coordinator = new(new RedisOptions { server.Url });
        LockNamespace space = new("cost", Partitions);
        IncarnationId[] sessions = await OpenAsync(coordinator, space, new LockEngineId(1, 1));
        string memory = await server.AskAsync(["INFO", "memory"], Cancellation);
        await Task.WhenAll(Enumerable.Range(1, Locks).Select(number => LockAsync(coordinator, space, sessions[number % Partitions], number % Partitions, number, Name(number))));
        long bytes = (UsedMemory(await server.AskAsync(["INFO", "memory"], Cancellation)) - UsedMemory(memory)) / Locks;
        TestContext.Current.TestOutputHelper!.WriteLine($"{bytes} bytes per held lock with a name of {Name(1).Length} bytes");
        Assert.InRange(bytes, 1, 600);

        // The server knows the script from here on.
        await RenewalWaiter.RenewAsync(coordinator.Locks, space, [new Renewal(0, new RenewRequest(sessions[0], Long, [], 1))], TimeSpan.FromSeconds(30));
        long before = await ScriptsAsync(server);
        Renewal[] renewals = [.. sessions.Select((session, partition) => new Renewal(partition, new RenewRequest(session, Long, [.. Enumerable.Range(1, 64).Select(static i => (long)i)], 100)))];
        await RenewalWaiter.RenewAsync(coordinator.Locks, space, renewals, TimeSpan.FromSeconds(30));
        Assert.All(renewals, static renewal => Assert.True(renewal.Reply!.IsAlive));
        Assert.Equal(Partitions, await ScriptsAsync(server) - before);
    }

    // Prevents: a subscription or a connection for every lock that somebody waits for.
    [Fact]
    public async Task Ten_thousand_waiting_locks_use_one_subscription_and_all_are_woken()
    {
        const int Locks = 10_000;
        await using PrivateRedisServer server = await StartAsync();
        await using RedisCoordinator holding = new(new RedisOptions { server.Url }), waiting = new(new RedisOptions { server.Url });
        LockNamespace space = new("cost", Partitions);
        LockEngineId engine = new(2, 2);
        CountingSink sink = new(Locks);
        await using ILockSubscription subscription = waiting.Locks.Subscribe(space, engine, sink);
        for (int partition = 0; partition < Partitions; partition++)
            await subscription.ReadyAsync(partition, Cancellation);
        IncarnationId[] holders = await OpenAsync(holding, space, new LockEngineId(1, 1)), waiters = await OpenAsync(waiting, space, engine);
        await Task.WhenAll(Enumerable.Range(1, Locks).Select(number => LockAsync(holding, space, holders[number % Partitions], number % Partitions, number, Name(number))));
        AcquireReply[] replies = await Task.WhenAll(
            Enumerable.Range(1, Locks).Select(number => LockAsync(waiting, space, waiters[number % Partitions], number % Partitions, number, Name(number))));
        Assert.All(replies, static reply => Assert.Equal(AcquireStatus.Waiting, reply.Status));

        string info = await server.AskAsync(["INFO", "stats"], Cancellation);
        Assert.Equal("1", Regex.Match(info, @"pubsub_channels:(\d+)").Groups[1].Value);
        string clients = await server.AskAsync(["CLIENT", "LIST"], Cancellation);
        Assert.InRange(Regex.Count(clients, @"name=sluice"), 2, 8);

        await Task.WhenAll(Enumerable.Range(1, Locks).Select(number => SendAsync(holding, space, number % Partitions, new ReleaseRequest(holders[number % Partitions], number, IsDoubtful: false))));
        await sink.AllAsync();
    }

    // Prevents: keys that stay because a waiter gave up, was cancelled, or died.
    [Fact]
    public async Task Nothing_is_left_on_the_server_by_waiters_that_gave_up_or_died()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using RedisCoordinator coordinator = new(new RedisOptions { server.Url });
        LockNamespace space = new("cost", partitions: 1);
        OpenSessionReply a = await SendAsync(coordinator, space, 0, new OpenSessionRequest(new LockEngineId(1, 1), Long, "")),
            dead = await SendAsync(coordinator, space, 0, new OpenSessionRequest(new LockEngineId(2, 2), 1000, ""));
        await LockAsync(coordinator, space, a.Session, 0, 1, "x");
        for (int number = 1; number <= 20; number++)
            await LockAsync(coordinator, space, dead.Session, 0, number, "x");
        for (int number = 2; number <= 20; number++)
        {
            await LockAsync(coordinator, space, a.Session, 0, number, "x");
            Assert.Equal(ReleaseStatus.GaveUp, (await SendAsync(coordinator, space, 0, new ReleaseRequest(a.Session, number, IsDoubtful: false))).Status);
        }

        await SendAsync(coordinator, space, 0, new ReleaseRequest(a.Session, 1, IsDoubtful: false));
        RenewReply swept;
        do
        {
            // The lease of a millisecond has run out, or does so meanwhile.
            swept = await SendAsync(coordinator, space, 0, new RenewRequest(a.Session, Long, [], 1000));
        }
        while (swept.IsSweepUnfinished || swept.NextExpiry < swept.Now + Long);

        // The living session and the clock.
        Assert.Equal(2, await CountAsync(server, "HLEN", "{cost:locks:0}:c"));
        Assert.Equal(1, await CountAsync(server, "ZCARD", "{cost:locks:0}:l"));
        Assert.Equal(2, await CountAsync(server, "DBSIZE"));
        await SendAsync(coordinator, space, 0, new CloseSessionRequest(a.Session, 100));
        Assert.Equal(1, await CountAsync(server, "DBSIZE"));
        Assert.Equal(1, await CountAsync(server, "HLEN", "{cost:locks:0}:c"));
    }

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"order:{number:d14}");

    private static async Task<IncarnationId[]> OpenAsync(RedisCoordinator coordinator, LockNamespace space, LockEngineId engine) => await Task.WhenAll(
        Enumerable.Range(0, Partitions).Select(async partition => (await SendAsync(coordinator, space, partition, new OpenSessionRequest(engine, Long, ""))).Session));

    private static Task<AcquireReply> LockAsync(RedisCoordinator coordinator, LockNamespace space, IncarnationId session, int partition, long number, string name) =>
        SendAsync(coordinator, space, partition, new AcquireRequest(
            session, number, [new LockClaim(ResourceKey.Of(name), LockMode.Exclusive)], LockPolicy.WritersFirst, Waits: true, Durations.Never, Owner: ""));

    private static async Task<TReply> SendAsync<TReply>(RedisCoordinator coordinator, LockNamespace space, int partition, LockRequest<TReply> request) =>
        await coordinator.Locks.SendAsync(space, partition, request, Cancellation);

    private static async Task<PrivateRedisServer> StartAsync()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        return await PrivateRedisServer.StartAsync([], Cancellation);
    }

    private static async Task<long> ScriptsAsync(PrivateRedisServer server)
    {
        string stats = await server.AskAsync(["INFO", "commandstats"], Cancellation);
        return Regex.Matches(stats, @"cmdstat_eval(?:sha)?:calls=(\d+)").Sum(static match => long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
    }

    private static async Task<long> CountAsync(PrivateRedisServer server, params string[] command) =>
        long.Parse((await server.AskAsync(command, Cancellation)).AsSpan(1), CultureInfo.InvariantCulture);

    private static long UsedMemory(string info) => long.Parse(Regex.Match(info, @"used_memory:(\d+)").Groups[1].Value, CultureInfo.InvariantCulture);

    private sealed class CountingSink(int expected) : ILockWakeSink
    {
        private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _count;

        public Task AllAsync() => _all.Task.WaitAsync(Cancellation);

        public void OnWake(int partition, in LockWake wake)
        {
            if (wake.Kind == LockWakeKind.Granted && Interlocked.Increment(ref _count) == expected)
                _all.SetResult();
        }

        public void OnGap(int partition) => _all.TrySetException(new InvalidOperationException("Pushes were lost."));
    }
}
