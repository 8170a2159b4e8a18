using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>What several callers do to one handle, or several handles of one owner to one hold.</summary>
public sealed class ConversionTests : IAsyncLifetime
{
    private SluiceEngine _engine = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    // Prevents: the second upgrade taking the place of the first, which then waits for ever.
    [Fact]
    public async Task Two_upgrades_of_one_handle_both_end()
    {
        IReaderWriterLock rw = _engine.Locks.ReaderWriterLock("x");
        ReaderWriterLockHandle reader = await rw.AcquireAsync(LockAccess.Read, cancellation: Cancellation);
        ReaderWriterLockHandle upgradeable = await rw.AcquireAsync(LockAccess.UpgradeableRead, cancellation: Cancellation);
        Task<bool> first = upgradeable.TryUpgradeAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        Task<bool> second = upgradeable.TryUpgradeAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        Assert.False(await upgradeable.TryUpgradeAsync(TimeSpan.Zero, Cancellation));
        await reader.ReleaseAsync(Cancellation);
        bool[] both = await Task.WhenAll(first, second).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.Equal([true, true], both);
        Assert.Equal(LockAccess.Write, upgradeable.Access);
        await upgradeable.ReleaseAsync(Cancellation);
    }

    // Prevents: one part of an owner's code letting readers in while another part writes.
    [Fact]
    public async Task A_hold_that_several_handles_share_is_not_downgraded_by_one_of_them()
    {
        LockOptions options = new() { Owner = new LockOwner("order 7") };
        IReaderWriterLock rw = _engine.Locks.ReaderWriterLock("x", options);
        ReaderWriterLockHandle outer = await rw.AcquireAsync(LockAccess.Write, cancellation: Cancellation);
        ReaderWriterLockHandle inner = await rw.AcquireAsync(LockAccess.Write, cancellation: Cancellation);
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => inner.DowngradeAsync(LockAccess.Read, Cancellation).AsTask());
        Assert.Contains("order 7", refused.Message, StringComparison.Ordinal);
        Assert.Equal(LockAccess.Write, outer.Access);
        Assert.Null(await _engine.Locks.ReaderWriterLock("x").TryAcquireAsync(LockAccess.Read, cancellation: Cancellation));

        await inner.ReleaseAsync(Cancellation);
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => inner.DowngradeAsync(LockAccess.Read, Cancellation).AsTask());
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => inner.TryUpgradeAsync(TimeSpan.Zero, Cancellation).AsTask());
        Assert.Equal(LockAccess.Write, outer.Access);
        await outer.DowngradeAsync(LockAccess.Read, Cancellation);
        Assert.Equal(LockAccess.Read, outer.Access);
        await outer.ReleaseAsync(Cancellation);
    }
}
