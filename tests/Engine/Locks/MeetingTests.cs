using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>Barriers and latches whose callers' time is up at the moment at which they open.</summary>
public sealed class MeetingTests : IAsyncDisposable
{
    private readonly LockStage _stage = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    // Prevents: one of those who met being told that nobody came, while the others go on.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_gives_up_when_the_barrier_has_opened_is_told_that_all_have_come(bool isCancelled)
    {
        (LockClient one, CuttableLocks connection) = _stage.NewEngine();
        (LockClient two, _) = _stage.NewEngine();
        using CancellationTokenSource enough = new();
        connection.LosesPushes = true;
        Task<bool> first = Barrier(one).SignalAndWaitAsync(TimeSpan.FromSeconds(1), enough.Token).AsTask();
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
        Assert.True(await Barrier(two).SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation));
        if (isCancelled)
            await enough.CancelAsync();
        else
            _stage.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(await first.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        Assert.Empty(_stage.State.Records);
    }

    // Prevents: the same for a latch.
    [Fact]
    public async Task Who_gives_up_when_the_latch_has_opened_is_told_that_it_is_open()
    {
        (LockClient one, CuttableLocks connection) = _stage.NewEngine();
        (LockClient two, _) = _stage.NewEngine();
        connection.LosesPushes = true;
        Task<bool> waiting = Latch(one).WaitAsync(TimeSpan.FromSeconds(1), Cancellation).AsTask();
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
        await Latch(two).SignalAsync(Cancellation);
        _stage.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(await waiting.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    private static EngineBarrier Barrier(LockClient client) => new(LockStage.Target(client, kind: LockTarget.BarrierKind, capacity: 2));

    private static EngineCountdownLatch Latch(LockClient client) => new(LockStage.Target(client, kind: LockTarget.LatchKind, maxHold: TimeSpan.FromMinutes(1)));
}
