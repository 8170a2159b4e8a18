using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>The locks as applications use them, in one process.</summary>
public sealed class LockKindTests : IAsyncLifetime
{
    private readonly HandDrivenTimeProvider _time = new();
    private SluiceEngine _engine = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private LockService Locks => _engine.Locks;

    public async ValueTask InitializeAsync() => _engine = await SluiceEngine.StartAsync(new EngineOptions { TimeProvider = _time }, Cancellation);

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task A_mutex_has_one_holder_whose_tokens_grow()
    {
        IMutex mutex = Locks.Mutex("x");
        LockHandle first = await mutex.AcquireAsync(cancellation: Cancellation);
        Assert.Null(await Locks.Mutex("x").TryAcquireAsync(cancellation: Cancellation));
        Assert.Null(mutex.TryAcquire());
        Assert.Equal((true, LockHandleState.Held, Timeout.InfiniteTimeSpan), (first.IsHeld, first.State, first.Remaining));
        Assert.Equal(ReleaseOutcome.Released, await first.ReleaseAsync(Cancellation));
        Assert.Equal(ReleaseOutcome.Released, await first.ReleaseAsync(Cancellation));
        await using LockHandle? second = mutex.TryAcquire();
        Assert.True(second!.FencingToken > first.FencingToken);
    }

    // Prevents: two handles of one flow, or one thread, being taken for one holder.
    [Fact]
    public async Task Nobody_re_enters_without_saying_so()
    {
        IMutex mutex = Locks.Mutex("x");
        await using LockHandle held = await mutex.AcquireAsync(cancellation: Cancellation);
        Task<LockHandle> again = mutex.AcquireAsync(TimeSpan.FromSeconds(2), Cancellation).AsTask();
        _time.Advance(TimeSpan.FromSeconds(3));
        LockTimeoutException timeout = await Assert.ThrowsAsync<LockTimeoutException>(() => again);
        Assert.Contains("'x'", timeout.Message, StringComparison.Ordinal);
    }

    // Prevents: the names of different kinds meeting in one record.
    [Fact]
    public async Task Kinds_have_names_of_their_own()
    {
        await using LockHandle mutex = await Locks.Mutex("x").AcquireAsync(cancellation: Cancellation);
        await using LockHandle permit = await Locks.Semaphore("x", 1).AcquireAsync(cancellation: Cancellation);
        await using LockHandle writer = await Locks.ReaderWriterLock("x").AcquireAsync(LockAccess.Write, cancellation: Cancellation);
        Assert.True(mutex.IsHeld && permit.IsHeld && writer.IsHeld);
    }

    // Prevents: a waiter that nobody wants any more keeping others waiting, or taking the lock.
    [Fact]
    public async Task Who_gives_up_or_is_cancelled_leaves_nothing_behind()
    {
        IMutex mutex = Locks.Mutex("x");
        LockHandle held = await mutex.AcquireAsync(cancellation: Cancellation);
        using CancellationTokenSource cancelled = new();
        Task<LockHandle?> gaveUp = mutex.TryAcquireAsync(TimeSpan.FromSeconds(5), Cancellation).AsTask();
        Task<LockHandle?> wasCancelled = mutex.TryAcquireAsync(Timeout.InfiniteTimeSpan, cancelled.Token).AsTask();
        Assert.Equal(2, (await mutex.GetParticipantsAsync(Cancellation)).Waiting);
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wasCancelled);
        Assert.Equal(1, (await mutex.GetParticipantsAsync(Cancellation)).Waiting);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Null(await gaveUp);
        Assert.Equal(0, (await mutex.GetParticipantsAsync(Cancellation)).Waiting);
        await held.ReleaseAsync(Cancellation);
        Assert.NotNull(mutex.TryAcquire());
    }

    [Fact]
    public async Task A_semaphore_has_so_many_leases_and_serves_in_order()
    {
        IMutex semaphore = Locks.Semaphore("x", 2);
        LockHandle first = await semaphore.AcquireAsync(cancellation: Cancellation);
        await using LockHandle second = await semaphore.AcquireAsync(cancellation: Cancellation);
        Task<LockHandle?> third = semaphore.TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        Task<LockHandle?> fourth = semaphore.TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await first.ReleaseAsync(Cancellation);
        await using LockHandle? granted = await third;
        Assert.False(fourth.IsCompleted);
        await second.ReleaseAsync(Cancellation);
        await using LockHandle? last = await fourth;
        Assert.True(last!.FencingToken > granted!.FencingToken);
    }

    [Fact]
    public async Task A_reader_becomes_the_writer_and_a_reader_again_without_a_gap()
    {
        IReaderWriterLock rw = Locks.ReaderWriterLock("x");
        await using ReaderWriterLockHandle reader = await rw.AcquireAsync(LockAccess.Read, cancellation: Cancellation);
        ReaderWriterLockHandle upgradeable = await rw.AcquireAsync(LockAccess.UpgradeableRead, cancellation: Cancellation);
        long before = upgradeable.FencingToken;
        Assert.False(await upgradeable.TryUpgradeAsync(TimeSpan.Zero, Cancellation));
        Task<bool> upgrade = upgradeable.TryUpgradeAsync(TimeSpan.FromSeconds(4), Cancellation).AsTask();
        Assert.Null(await rw.TryAcquireAsync(LockAccess.Read, cancellation: Cancellation)); // it comes before everybody
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.False(await upgrade);
        await using ReaderWriterLockHandle? late = await rw.TryAcquireAsync(LockAccess.Read, cancellation: Cancellation);
        await late!.ReleaseAsync(Cancellation);

        upgrade = upgradeable.TryUpgradeAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await reader.ReleaseAsync(Cancellation);
        Assert.True(await upgrade);
        Assert.Equal(LockAccess.Write, upgradeable.Access);
        Assert.True(upgradeable.FencingToken > before);

        Task<ReaderWriterLockHandle?> waiting = rw.TryAcquireAsync(LockAccess.Read, Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        Assert.False(waiting.IsCompleted);
        await upgradeable.DowngradeAsync(LockAccess.Read, Cancellation);
        await using ReaderWriterLockHandle? let = await waiting;
        Assert.Equal(LockAccess.Read, upgradeable.Access);
        await Assert.ThrowsAsync<InvalidOperationException>(() => upgradeable.TryUpgradeAsync(TimeSpan.Zero, Cancellation).AsTask());
        await upgradeable.ReleaseAsync(Cancellation);
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => upgradeable.DowngradeAsync(LockAccess.Read, Cancellation).AsTask());
    }

    // Prevents: some of them held while the others are waited for, or kept when one can't be had.
    [Fact]
    public async Task Several_mutexes_are_held_all_or_none()
    {
        string[] names = [.. Enumerable.Range(0, 12).Select(static i => $"account {i}")];
        IMultiLock all = Locks.MultiLock(names);
        LockHandle one = await Locks.Mutex(names[7]).AcquireAsync(cancellation: Cancellation);
        Assert.Null(await all.TryAcquireAsync(cancellation: Cancellation));
        Assert.All(names.Where((_, i) => i != 7), name =>
        {
            LockHandle? free = Locks.Mutex(name).TryAcquire();
            Assert.NotNull(free);
            Assert.Equal(ReleaseOutcome.Released, free.ReleaseAsync(Cancellation).AsTask().GetAwaiter().GetResult());
        });
        Task<MultiLockHandle?> waiting = all.TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        Assert.False(waiting.IsCompleted);
        await one.ReleaseAsync(Cancellation);
        MultiLockHandle held = (await waiting)!;
        Assert.True(held.FencingTokenOf(names[7]) > one.FencingToken);
        Assert.Equal(held.FencingToken, names.Max(held.FencingTokenOf));
        Assert.All(names, name => Assert.Null(Locks.Mutex(name).TryAcquire()));
        Assert.Equal((true, LockHandleState.Held), (held.IsHeld, held.State));
        Assert.Equal(ReleaseOutcome.Released, await held.ReleaseAsync(Cancellation));
        Assert.All(names, name => Assert.NotNull(Locks.Mutex(name).TryAcquire()));
    }

    // Prevents: two that want the same locks in different order waiting for each other for ever.
    [Fact]
    public async Task Many_that_want_several_in_any_order_all_get_them()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        int inside = 0, turns = 0;
        await Task.WhenAll(Enumerable.Range(0, 6).Select(caller => Task.Run(
            async () =>
            {
                SplitMix64 random = new((ulong)caller);
                for (int i = 0; i < 60; i++)
                {
                    IEnumerable<string> names = Enumerable.Range(0, 6).OrderBy(_ => random.Next(1000)).Take(3).Append(0).Select(static n => $"n{n}");
                    await using MultiLockHandle held = await engine.Locks.MultiLock(names).AcquireAsync(Timeout.InfiniteTimeSpan, Cancellation);
                    Assert.Equal(1, Interlocked.Increment(ref inside)); // all of them want n0
                    await Task.Yield();
                    Interlocked.Decrement(ref inside);
                    Interlocked.Increment(ref turns);
                }
            },
            Cancellation)));
        Assert.Equal(360, turns);
    }

    [Fact]
    public async Task A_barrier_lets_all_go_when_all_have_come_again_and_again()
    {
        IBarrier barrier = Locks.Barrier("x", 3);
        for (int round = 0; round < 3; round++)
        {
            Task<bool> first = barrier.SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
            Task<bool> second = barrier.SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
            Assert.False(first.IsCompleted || second.IsCompleted);
            Assert.True(await barrier.SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation));
            Assert.True(await first && await second);
        }

        Assert.False(await barrier.SignalAndWaitAsync(TimeSpan.Zero, Cancellation));
    }

    [Fact]
    public async Task A_latch_opens_at_the_last_signal_and_stays_open_until_it_is_reset()
    {
        ICountdownLatch latch = Locks.CountdownLatch("x", 2);
        Task<bool> waiting = latch.WaitAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await latch.SignalAsync(Cancellation);
        Assert.Equal((1, false), (await latch.GetRemainingAsync(Cancellation), waiting.IsCompleted));
        await latch.SignalAsync(Cancellation);
        Assert.True(await waiting);
        Assert.True(await latch.WaitAsync(TimeSpan.Zero, Cancellation));
        await latch.ResetAsync(Cancellation);
        Assert.False(await latch.WaitAsync(TimeSpan.Zero, Cancellation));
        Assert.Equal(2, await latch.GetRemainingAsync(Cancellation));
    }

    [Fact]
    public async Task One_leads_at_a_time_and_the_next_follows()
    {
        ILeaderElection one = Locks.LeaderElection("x");
        ILeaderElection two = Locks.LeaderElection("x");
        TaskCompletionSource<LockHandle> leads = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource resign = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task first = one.RunAsync(
            async (handle, _) =>
            {
                leads.SetResult(handle);
                await resign.Task;
            },
            Cancellation);
        LockHandle leadership = await leads.Task;
        long next = 0;
        Task second = two.RunAsync(
            (handle, _) =>
            {
                next = handle.FencingToken;
                return Task.CompletedTask;
            },
            Cancellation);
        Assert.Equal((true, false), (one.IsLeader, two.IsLeader));
        Assert.Equal(1, (await one.GetParticipantsAsync(Cancellation)).Waiting);
        resign.SetResult();
        await first;
        await second;
        Assert.True(next > leadership.FencingToken);
        Assert.False(one.IsLeader || two.IsLeader);
    }

    [Fact]
    public async Task Holders_can_be_asked_to_let_go()
    {
        IMutex mutex = Locks.Mutex("x");
        LockHandle held = await mutex.AcquireAsync(cancellation: Cancellation);
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        held.RevocationToken.Register(asked.SetResult);
        Assert.Equal(1, await mutex.RequestRevocationAsync(Cancellation));
        await asked.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
        Assert.True(held.IsHeld);
        Assert.True(Assert.Single((await mutex.GetParticipantsAsync(Cancellation)).Holders).IsRevocationRequested);
        await held.ReleaseAsync(Cancellation);
        LockHandle next = await mutex.AcquireAsync(cancellation: Cancellation);
        Assert.False(next.RevocationToken.IsCancellationRequested);
        Assert.Equal(1, await mutex.RequestRevocationAsync(Cancellation));
        Assert.True(next.RevocationToken.IsCancellationRequested);
    }

    // Prevents: a hold of a process that hangs, without end; in one process nobody renews, but somebody must look.
    [Fact]
    public async Task A_bound_ends_a_hold_although_there_is_no_lease()
    {
        IMutex mutex = Locks.Mutex("x", new LockOptions { MaxHold = TimeSpan.FromSeconds(10) });
        LockHandle held = await mutex.AcquireAsync(cancellation: Cancellation);
        Task<LockHandle?> next = Locks.Mutex("x").TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        using CancellationTokenSource patience = new(TimeSpan.FromMinutes(1));
        while (!next.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(250));
            Assert.False(patience.IsCancellationRequested, "Nobody looked.");
            await Task.Yield();
        }

        Assert.True((await next)!.FencingToken > held.FencingToken);
        Assert.Equal(LockHandleState.Lost, held.State);
        Assert.Equal(ReleaseOutcome.AlreadyLost, await held.ReleaseAsync(Cancellation));
    }

    [Fact]
    public async Task After_the_engine_has_stopped_there_are_no_locks()
    {
        LockHandle held = await Locks.Mutex("x").AcquireAsync(cancellation: Cancellation);
        IMutex mutex = Locks.Mutex("y");
        Task<LockHandle?> waiting = Locks.Mutex("x").TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await _engine.StopAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.Equal(LockHandleState.Lost, held.State);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => mutex.TryAcquireAsync(cancellation: Cancellation).AsTask());
        Assert.Throws<ObjectDisposedException>(() => Locks.Mutex("z"));
    }

    // Prevents: numbers and names out of range that show themselves as strange locks.
    [Fact]
    public void Arguments_are_checked()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Locks.Semaphore("x", 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Locks.Barrier("x", 100_001));
        Assert.Throws<ArgumentException>(() => Locks.Mutex(""));
        Assert.Throws<ArgumentException>(() => Locks.Mutex(new string('x', 513)));
        Assert.Throws<ArgumentException>(() => Locks.Mutex("\ud800"));
        Assert.Throws<ArgumentException>(() => Locks.MultiLock([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Locks.CountdownLatch("x", 1, TimeSpan.Zero));
        Assert.Throws<OptionsException>(() => Locks.Mutex("x", new LockOptions { MaxHold = TimeSpan.Zero }));
        Assert.Throws<OptionsException>(() => new EngineOptions { Locks = { LeaseDuration = TimeSpan.Zero } }.Validate());
        Assert.Throws<OptionsException>(() => new EngineOptions { Locks = { Margin = TimeSpan.FromSeconds(9) } }.Validate());
    }
}
