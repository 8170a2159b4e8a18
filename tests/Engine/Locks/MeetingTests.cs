using Sluice.Coordination;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>Barriers and latches that open at the moment at which their callers' time is up, or their sessions end.</summary>
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
        await LockStage.UntilAsync(IsWaitedFor);
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
        await LockStage.UntilAsync(IsWaitedFor);
        await Latch(two).SignalAsync(Cancellation);
        _stage.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(await waiting.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    // Prevents: a meeting that is complete without one of those who were told that it is.
    [Fact]
    public async Task Who_gives_up_at_a_barrier_has_not_come()
    {
        (LockClient one, _) = _stage.NewEngine();
        (LockClient two, _) = _stage.NewEngine();
        Task<bool> gaveUp = Barrier(one).SignalAndWaitAsync(TimeSpan.FromSeconds(1), Cancellation).AsTask();
        await LockStage.UntilAsync(IsWaitedFor);
        _stage.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await gaveUp);
        Assert.Empty(_stage.State.Records);
        Task<bool> first = Barrier(two).SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(IsWaitedFor);
        Assert.False(first.IsCompleted);
        Assert.True(await Barrier(one).SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation));
        Assert.True(await first.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    // Prevents: who met with the others, and lost its session before it was told, being sent to the next meeting, to which nobody comes.
    [Fact]
    public async Task Who_loses_its_session_at_a_barrier_is_told_that_nobody_knows()
    {
        (LockClient one, CuttableLocks connection) = _stage.NewEngine();
        (LockClient two, _) = _stage.NewEngine();
        Task<bool> first = Barrier(one).SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(IsWaitedFor);
        connection.IsCut = true;
        Assert.True(await Barrier(two).SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation));
        await LoseAsync(connection);
        await AssertNobodyKnowsAsync(first);
        Assert.False(IsWaitedFor());
    }

    // Prevents: the same for a latch, which may have opened and been reset.
    [Fact]
    public async Task Who_loses_its_session_at_a_latch_is_told_that_nobody_knows()
    {
        (LockClient one, CuttableLocks connection) = _stage.NewEngine();
        Task<bool> waiting = Latch(one).WaitAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(IsWaitedFor);
        connection.IsCut = true;
        await LoseAsync(connection);
        await AssertNobodyKnowsAsync(waiting);
    }

    // Prevents: the same for one whose coming was never answered for, and whose last copy certainly did not arrive.
    [Fact]
    public async Task Who_came_without_an_answer_and_loses_its_session_is_told_that_nobody_knows()
    {
        (LockClient one, CuttableLocks connection) = _stage.NewEngine();
        connection.BeforeReply = request => CutAfter<AcquireRequest>(connection, request);
        Task<bool> first = Barrier(one).SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(IsWaitedFor);
        await LoseAsync(connection);
        await AssertNobodyKnowsAsync(first);
    }

    // Prevents: "not all came" from a server that had ended the session, and so could not know.
    [Fact]
    public async Task Who_gives_up_when_the_server_has_ended_its_session_is_told_that_nobody_knows()
    {
        (LockClient one, CuttableLocks connection) = _stage.NewEngine();
        Task<bool> first = Barrier(one).SignalAndWaitAsync(TimeSpan.FromSeconds(1), Cancellation).AsTask();
        await LockStage.UntilAsync(IsWaitedFor);
        await EndUnheardAsync(one, connection);
        _stage.Time.Advance(TimeSpan.FromSeconds(1));
        await AssertNobodyKnowsAsync(first);
    }

    // Prevents: a session that ended while nobody used it being taken for a meeting that was missed.
    [Fact]
    public async Task A_session_that_ended_before_the_barrier_was_reached_is_replaced()
    {
        (LockClient one, CuttableLocks connection) = _stage.NewEngine();
        (LockClient two, _) = _stage.NewEngine();
        await (await LockStage.Mutex(one).AcquireAsync(cancellation: Cancellation)).ReleaseAsync(Cancellation);
        await EndUnheardAsync(one, connection);
        Task<bool> first = Barrier(one).SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(IsWaitedFor);
        Assert.True(await Barrier(two).SignalAndWaitAsync(Timeout.InfiniteTimeSpan, Cancellation));
        Assert.True(await first.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    // Prevents: a signal that is given once more, because it was said not to have counted: that was its copy, and not the first.
    [Fact]
    public async Task A_signal_of_which_one_copy_may_have_counted_is_not_said_not_to_have()
    {
        (LockClient one, CuttableLocks connection) = _stage.NewEngine();
        connection.BeforeReply = request => CutAfter<AcquireRequest>(connection, request);
        Task signal = Latch(one).SignalAsync(Cancellation).AsTask();
        await _stage.EndsSoonAsync(signal);
        await AssertNobodyKnowsAsync(signal);
        Assert.Single(Assert.Single(_stage.State.Records.Values).Holders);
    }

    /// <summary>The request is carried out, its reply is lost, and nothing arrives any more.</summary>
    private static void CutAfter<TRequest>(CuttableLocks connection, object request)
    {
        if (request is not TRequest)
            return;
        connection.LoseReplies(1);
        connection.IsCut = true;
    }

    private static async Task AssertNobodyKnowsAsync(Task ended)
    {
        CoordinatorException unknown = await Assert.ThrowsAsync<CoordinatorException>(() => ended.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        Assert.Equal(RequestOutcome.Unknown, unknown.Outcome);
    }

    /// <summary>The engine, which is cut off, loses what it has; then it is heard again.</summary>
    private async Task LoseAsync(CuttableLocks connection)
    {
        await _stage.PassAsync(LockStage.Lease);
        connection.IsCut = false;
    }

    private async Task EndUnheardAsync(LockClient client, CuttableLocks connection)
    {
        connection.LosesPushes = true;
        await _stage.Server.SendAsync(_stage.Space, 0, new CloseSessionRequest(client.Sessions().Single().Id, 100), Cancellation);
        connection.LosesPushes = false;
    }

    private bool IsWaitedFor() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty);

    private static EngineBarrier Barrier(LockClient client) => new(LockStage.Target(client, kind: LockTarget.BarrierKind, capacity: 2));

    private static EngineCountdownLatch Latch(LockClient client) => new(LockStage.Target(client, kind: LockTarget.LatchKind, maxHold: TimeSpan.FromMinutes(1)));
}
