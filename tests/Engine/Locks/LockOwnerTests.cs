using System.Collections.Immutable;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>Owners: what they acquire again, and whom they wait for.</summary>
public sealed class LockOwnerTests : IAsyncLifetime
{
    private SluiceEngine _engine = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private LockService Locks => _engine.Locks;

    public async ValueTask InitializeAsync() => _engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    // Prevents: an owner that waits for itself; a lock that is released by the first of its handles.
    [Fact]
    public async Task An_owner_acquires_again_what_it_holds_and_the_last_handle_releases()
    {
        LockOwner owner = new("order 7");
        IMutex mutex = Locks.Mutex("x", new LockOptions { Owner = owner });
        LockHandle outer = await mutex.AcquireAsync(cancellation: Cancellation);
        LockHandle inner = await mutex.AcquireAsync(cancellation: Cancellation);
        Assert.Equal(outer.FencingToken, inner.FencingToken);
        Assert.Equal("order 7", Assert.Single((await mutex.GetParticipantsAsync(Cancellation)).Holders).Owner);
        Assert.Null(await Locks.Mutex("x", new LockOptions { Owner = new LockOwner("order 8") }).TryAcquireAsync(cancellation: Cancellation));
        await inner.ReleaseAsync(Cancellation);
        await inner.ReleaseAsync(Cancellation);
        Assert.Equal((true, LockHandleState.Released), (outer.IsHeld, inner.State));
        Assert.Null(Locks.Mutex("x").TryAcquire());
        await outer.ReleaseAsync(Cancellation);
        Assert.NotNull(Locks.Mutex("x").TryAcquire());
    }

    // Prevents: two acquisitions of one owner at the same time waiting for each other.
    // Prevents: a second release, in a finally block perhaps, that reports a lost hold as released.
    [Fact]
    public async Task A_repeated_release_says_what_the_first_one_did()
    {
        IMutex mutex = Locks.Mutex("bounded", new LockOptions { Owner = new LockOwner(), MaxHold = TimeSpan.FromMilliseconds(100) });
        LockHandle held = await mutex.AcquireAsync(cancellation: Cancellation);
        await Eventually.UntilAsync(() => !held.IsHeld, Cancellation);
        Assert.Equal(ReleaseOutcome.AlreadyLost, await held.ReleaseAsync(Cancellation));
        Assert.Equal(ReleaseOutcome.AlreadyLost, await held.ReleaseAsync(Cancellation));
    }

    [Fact]
    public async Task Two_acquisitions_of_one_owner_share_what_the_first_gets()
    {
        LockHandle other = await Locks.Mutex("x").AcquireAsync(cancellation: Cancellation);
        IMutex mutex = Locks.Mutex("x", new LockOptions { Owner = new LockOwner() });
        Task<LockHandle?> first = mutex.TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        Task<LockHandle?> second = mutex.TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await other.ReleaseAsync(Cancellation);
        Assert.Equal((await first)!.FencingToken, (await second)!.FencingToken);
    }

    [Fact]
    public async Task A_flowing_owner_reaches_what_is_called_and_ends_with_its_scope()
    {
        IMutex mutex = Locks.Mutex("x", new LockOptions { UseFlowingOwner = true });
        LockOwner owner = new();
        using (owner.Flow())
        {
            await using LockHandle outer = await mutex.AcquireAsync(cancellation: Cancellation);
            LockHandle? inner = await Task.Run(async () => await mutex.TryAcquireAsync(cancellation: Cancellation), Cancellation);
            Assert.NotNull(inner);
            await inner.ReleaseAsync(Cancellation);
        }

        Assert.Null(LockOwner.Flowing);
        await using LockHandle held = await mutex.AcquireAsync(cancellation: Cancellation);
        Assert.Null(await mutex.TryAcquireAsync(cancellation: Cancellation));
    }

    // Prevents: an owner that reads, wants to write, and waits for ever for its own reading to end.
    [Fact]
    public async Task An_owner_that_reads_is_told_that_it_can_not_write()
    {
        IReaderWriterLock rw = Locks.ReaderWriterLock("x", new LockOptions { Owner = new LockOwner() });
        await using ReaderWriterLockHandle reader = await rw.AcquireAsync(LockAccess.Read, cancellation: Cancellation);
        await Assert.ThrowsAsync<InvalidOperationException>(() => rw.TryAcquireAsync(LockAccess.Write, cancellation: Cancellation).AsTask());
        await using ReaderWriterLockHandle again = await rw.AcquireAsync(LockAccess.Read, cancellation: Cancellation);
        Assert.Single((await rw.GetParticipantsAsync(Cancellation)).Holders);
    }

    // Prevents: an alarm while the other lease is about to come back.
    [Fact]
    public async Task Who_waits_for_any_of_several_leases_is_not_in_a_deadlock_while_one_of_them_moves()
    {
        LockOptions anna = new() { Owner = new LockOwner("anna") }, bert = new() { Owner = new LockOwner("bert") }, carl = new() { Owner = new LockOwner("carl") };
        await using LockHandle x = await Locks.Mutex("x", carl).AcquireAsync(cancellation: Cancellation);
        await using LockHandle one = await Locks.Semaphore("p", 2, anna).AcquireAsync(cancellation: Cancellation);
        await using LockHandle two = await Locks.Semaphore("p", 2, bert).AcquireAsync(cancellation: Cancellation);
        using CancellationTokenSource end = new();
        List<Task<LockHandle?>> waiting =
        [
            Locks.Mutex("x", anna).TryAcquireAsync(Timeout.InfiniteTimeSpan, end.Token).AsTask(),
            Locks.Semaphore("p", 2, carl).TryAcquireAsync(Timeout.InfiniteTimeSpan, end.Token).AsTask(),
        ];
        Assert.Empty(await Locks.FindDeadlocksAsync(Cancellation));
        waiting.Add(Locks.Mutex("x", bert).TryAcquireAsync(Timeout.InfiniteTimeSpan, end.Token).AsTask());
        Assert.Single(await Locks.FindDeadlocksAsync(Cancellation));
        await end.CancelAsync();
        foreach (Task<LockHandle?> waits in waiting)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waits);
    }

    // Prevents: a deadlock that nobody can find, and one that is none.
    [Fact]
    public async Task Owners_that_wait_for_each_other_are_found()
    {
        IMutex Of(string name, LockOwner owner) => Locks.Mutex(name, new LockOptions { Owner = owner });
        LockOwner anna = new("anna"), bert = new("bert"), carl = new("carl");
        await using LockHandle x = await Of("x", anna).AcquireAsync(cancellation: Cancellation);
        await using LockHandle y = await Of("y", bert).AcquireAsync(cancellation: Cancellation);
        using CancellationTokenSource end = new();
        Task<LockHandle?> annaWaits = Of("y", anna).TryAcquireAsync(Timeout.InfiniteTimeSpan, end.Token).AsTask();
        Task<LockHandle?> carlWaits = Of("x", carl).TryAcquireAsync(Timeout.InfiniteTimeSpan, end.Token).AsTask();
        Assert.Empty(await Locks.FindDeadlocksAsync(Cancellation));
        Task<LockHandle?> bertWaits = Of("x", bert).TryAcquireAsync(Timeout.InfiniteTimeSpan, end.Token).AsTask();
        LockDeadlock found = Assert.Single(await Locks.FindDeadlocksAsync(Cancellation));
        Assert.Equal([new LockWait("anna", "mutex:y", "bert"), new LockWait("bert", "mutex:x", "anna")], found.Waits);
        await end.CancelAsync();
        foreach (Task<LockHandle?> waits in ImmutableArray.Create(annaWaits, bertWaits, carlWaits))
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waits);
        Assert.Empty(await Locks.FindDeadlocksAsync(Cancellation));
    }
}
