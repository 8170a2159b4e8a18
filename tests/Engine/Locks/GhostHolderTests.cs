using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>
/// A server that goes back to before a release, or before a waiter gave up, has a holder that nobody is: its session lives and renews, and knows nothing of it.
/// </summary>
public sealed class GhostHolderTests : IAsyncDisposable
{
    private readonly LockStage _stage = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    // Prevents: a lock that is held by nobody for as long as the process that had it lives.
    [Fact]
    public async Task What_a_server_brings_back_after_its_release_is_released_again()
    {
        (LockClient client, _) = _stage.NewEngine();
        LockHandle kept = await LockStage.Mutex(client, "kept").AcquireAsync(cancellation: Cancellation);
        LockHandle held = await LockStage.Mutex(client).AcquireAsync(cancellation: Cancellation);
        LockPartitionState before = _stage.State;
        Assert.Equal(ReleaseOutcome.Released, await held.ReleaseAsync(Cancellation));
        _stage.Server.Restore(_stage.Space, 0, before);
        await _stage.PassAsync(LockStage.Lease / 2);
        await LockStage.UntilAsync(() => _stage.State.Records.Count == 1);
        Assert.Equal(LockHandleState.Held, kept.State);
    }

    // Prevents: the same for one that waited. When the lock becomes free it is granted to nobody.
    [Fact]
    public async Task What_is_granted_to_a_waiter_that_gave_up_long_ago_is_released()
    {
        (LockClient one, _) = _stage.NewEngine();
        (LockClient two, _) = _stage.NewEngine();
        LockHandle kept = await LockStage.Mutex(two, "kept").AcquireAsync(cancellation: Cancellation);
        LockHandle held = await LockStage.Mutex(one).AcquireAsync(cancellation: Cancellation);
        using CancellationTokenSource enough = new();
        Task<LockHandle?> waiting = LockStage.Mutex(two).TryAcquireAsync(Timeout.InfiniteTimeSpan, enough.Token).AsTask();
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
        LockPartitionState before = _stage.State;
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        _stage.Server.Restore(_stage.Space, 0, before);

        // No time passes: the push that says "granted" is enough.
        Assert.Equal(ReleaseOutcome.Released, await held.ReleaseAsync(Cancellation));
        await LockStage.UntilAsync(() => _stage.State.Records.Count == 1);
        Assert.Equal(LockHandleState.Held, kept.State);
    }

    // Prevents: a ghost that hides behind something that the server has lost at the same time, so that the numbers of handles agree.
    [Fact]
    public async Task A_ghost_is_found_although_the_server_has_lost_as_many_others()
    {
        (LockClient client, _) = _stage.NewEngine();
        LockHandle released = await LockStage.Mutex(client, "released").AcquireAsync(cancellation: Cancellation);
        LockPartitionState before = _stage.State;
        Assert.Equal(ReleaseOutcome.Released, await released.ReleaseAsync(Cancellation));
        LockHandle forgotten = await LockStage.Mutex(client, "forgotten").AcquireAsync(cancellation: Cancellation);
        _stage.Server.Restore(_stage.Space, 0, before);
        await _stage.PassAsync(LockStage.Lease / 2);
        await LockStage.UntilAsync(() => _stage.State.Records.IsEmpty);
        Assert.Equal(LockHandleState.Lost, forgotten.State);
    }
}
