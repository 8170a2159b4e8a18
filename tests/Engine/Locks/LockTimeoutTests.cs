using Sluice.Coordination;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>
/// A time-out ends an acquisition also when the server does not answer, little later. Requests may take an hour here and the tests move the time by minutes at most:
/// who waited for an answer would fail them.
/// </summary>
public sealed class LockTimeoutTests : IAsyncDisposable
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly LockStage _stage = new(partitions: 2);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    // Prevents: the first lock of a process taking as long as its server likes.
    [Fact]
    public async Task A_session_that_can_not_be_opened_in_time_ends_the_acquisition()
    {
        (LockClient client, CuttableLocks connection) = _stage.NewEngine(lease: Hour, requestTimeout: Hour);
        connection.Stalls = true;
        Task<LockHandle?> acquire = LockStage.Mutex(client).TryAcquireAsync(TimeSpan.FromSeconds(1), Cancellation).AsTask();
        await _stage.EndsSoonAsync(acquire);
        await Assert.ThrowsAsync<CoordinatorException>(() => acquire);
    }

    [Fact]
    public async Task An_acquire_that_is_not_answered_in_time_ends_the_acquisition()
    {
        (LockClient client, CuttableLocks connection) = _stage.NewEngine(lease: Hour, requestTimeout: Hour);
        await OpenAsync(client);
        connection.Stalls = true;
        Task<LockHandle?> acquire = LockStage.Mutex(client).TryAcquireAsync(TimeSpan.FromSeconds(1), Cancellation).AsTask();
        await _stage.EndsSoonAsync(acquire);
        CoordinatorException unanswered = await Assert.ThrowsAsync<CoordinatorException>(() => acquire);
        Assert.Equal(RequestOutcome.Unknown, unanswered.Outcome);
    }

    // Prevents: who has given up waiting waiting for the answer that he has given up.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Giving_up_does_not_wait_for_a_server_that_does_not_answer(bool isCancelled)
    {
        (LockClient one, _) = _stage.NewEngine(lease: Hour);
        (LockClient two, CuttableLocks connection) = _stage.NewEngine(lease: Hour, requestTimeout: Hour);
        await LockStage.Mutex(one).AcquireAsync(cancellation: Cancellation);
        using CancellationTokenSource enough = new();
        Task<LockHandle?> acquire = LockStage.Mutex(two).TryAcquireAsync(isCancelled ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(1), enough.Token).AsTask();
        await LockStage.UntilAsync(() => IsWaitedFor("x"));
        connection.Stalls = true;
        if (isCancelled)
            await enough.CancelAsync();
        await _stage.EndsSoonAsync(acquire);
        if (isCancelled)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => acquire);
        else
            Assert.Null(await acquire);
    }

    // Prevents: an upgrade that is not had in time, or is cancelled, taking as long as the lease: what it asked for is taken back, but nobody has to wait for that.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_upgrade_that_is_given_up_does_not_wait_for_a_server_that_does_not_answer(bool isCancelled)
    {
        (LockClient one, _) = _stage.NewEngine(lease: Hour);
        (LockClient two, CuttableLocks connection) = _stage.NewEngine(lease: Hour, requestTimeout: Hour);
        await LockStage.ReaderWriterLock(one).AcquireAsync(LockAccess.Read, cancellation: Cancellation);
        ReaderWriterLockHandle upgradeable = await LockStage.ReaderWriterLock(two).AcquireAsync(LockAccess.UpgradeableRead, cancellation: Cancellation);
        using CancellationTokenSource enough = new();
        Task<bool> upgrade = upgradeable.TryUpgradeAsync(isCancelled ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(1), enough.Token).AsTask();
        await LockStage.UntilAsync(() => Enumerable.Range(0, 2).Any(partition => _stage.Server.Snapshot(_stage.Space, partition).Records.Values.Any(static record => record.Upgrade is not null)));
        connection.Stalls = true;
        if (isCancelled)
            await enough.CancelAsync();
        await _stage.EndsSoonAsync(upgrade);
        if (isCancelled)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => upgrade);
        else
            Assert.False(await upgrade);
        Assert.Equal((true, LockAccess.UpgradeableRead), (upgradeable.IsHeld, upgradeable.Access));
    }

    // Prevents: who met waiting as long as a lease for a server to take back what nobody needs.
    [Fact]
    public async Task Who_met_does_not_wait_for_a_server_that_answers_nothing_any_more()
    {
        (LockClient one, _) = _stage.NewEngine(lease: Hour);
        (LockClient two, CuttableLocks connection) = _stage.NewEngine(lease: Hour, requestTimeout: Hour);
        Task<bool> first = Barrier(one).SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        connection.BeforeReply = request => connection.Stalls |= request is AcquireRequest;
        Task<bool> second = Barrier(two).SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await _stage.EndsSoonAsync(second);
        Assert.True(await second);
        Assert.True(await first.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    // Prevents: all or none taking as long as the release of some, and these as long as their lease.
    [Fact]
    public async Task Several_locks_of_which_one_can_not_be_had_do_not_wait_for_a_server_that_does_not_answer()
    {
        string first = NameIn(0), second = NameIn(1);
        (LockClient one, _) = _stage.NewEngine(lease: Hour);
        (LockClient two, CuttableLocks connection) = _stage.NewEngine(lease: Hour, requestTimeout: Hour);
        await LockStage.Mutex(one, second).AcquireAsync(cancellation: Cancellation);
        EngineMultiLock both = new(two, [first, second], new LockOptions(), TimeSpan.FromSeconds(1));
        Task<MultiLockHandle?> acquire = both.TryAcquireAsync(TimeSpan.FromSeconds(1), Cancellation).AsTask();
        await LockStage.UntilAsync(() => IsWaitedFor(second));
        connection.Stalls = true;
        await _stage.EndsSoonAsync(acquire);
        Assert.Null(await acquire);
    }

    // Prevents: a wrong configuration that looks like a lock that somebody has for ever.
    [Fact]
    public async Task What_will_always_be_refused_is_not_asked_again()
    {
        (LockClient one, _) = _stage.NewEngine();
        (LockClient other, _) = _stage.NewEngine(space: new LockNamespace("test", 3));
        await OpenAsync(one);
        CoordinatorException refused = await Assert.ThrowsAsync<CoordinatorException>(
            () => LockStage.Mutex(other).TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        Assert.Contains(nameof(EngineOptions.Partitions), refused.Message, StringComparison.Ordinal);
    }

    // Prevents: a process that breaks because of what somebody else wrote into its channel.
    [Fact]
    public async Task A_push_of_a_partition_that_does_not_exist_is_left_out()
    {
        (LockClient client, _) = _stage.NewEngine();
        LockHandle held = await LockStage.Mutex(client).AcquireAsync(cancellation: Cancellation);
        IncarnationId session = client.Sessions().Single().Id;
        foreach (int partition in new[] { -1, 2, int.MaxValue })
            client.OnWake(partition, new LockWake(LockWakeKind.SessionEnded, session, 0, 0, 0));
        Assert.True(held.IsHeld);
    }

    // Prevents: one of two bounds being kept under the name of the other. With a clock that stands still, sessions of two partitions have one identity.
    [Fact]
    public async Task Bounds_of_two_partitions_are_both_noticed()
    {
        (LockClient client, _) = _stage.NewEngine();
        int lost = 0;
        foreach (int partition in new[] { 0, 1 })
        {
            LockHandle bounded = await LockStage.Mutex(client, NameIn(partition), maxHold: TimeSpan.FromSeconds(5)).AcquireAsync(cancellation: Cancellation);
            bounded.LostToken.Register(() => Interlocked.Increment(ref lost));
        }

        Assert.Single(client.Sessions().Select(static session => session.Id).Distinct());
        await _stage.PassAsync(TimeSpan.FromSeconds(6));
        await LockStage.UntilAsync(() => Volatile.Read(ref lost) == 2);
    }

    private static EngineBarrier Barrier(LockClient client) => new(LockStage.Target(client, kind: LockTarget.BarrierKind, capacity: 2));

    private static async Task OpenAsync(LockClient client)
    {
        foreach (int partition in new[] { 0, 1 }.Where(partition => partition < client.Space.Partitions))
            await (await LockStage.Mutex(client, NameIn(partition)).AcquireAsync(cancellation: Cancellation)).ReleaseAsync(Cancellation);
    }

    private static string NameIn(int partition) =>
        Enumerable.Range(0, 100).Select(static i => $"n{i}").First(name => LockTarget.ResourceOf(LockTarget.MutexKind, name).Partition(2) == partition);

    private bool IsWaitedFor(string name)
    {
        ResourceKey resource = LockTarget.ResourceOf(LockTarget.MutexKind, name);
        return _stage.Server.Snapshot(_stage.Space, resource.Partition(2)).Records.TryGetValue(resource, out LockRecord? record) && !record.Waiters.IsEmpty;
    }
}
