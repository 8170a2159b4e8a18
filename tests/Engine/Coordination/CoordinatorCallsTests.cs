using System.Runtime.ExceptionServices;
using Sluice.Coordination;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Coordination;

/// <summary>Requests with a time limit: whatever happens, who sent one learns what is known, by one type of error.</summary>
public sealed class CoordinatorCallsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly HandDrivenTimeProvider _time = new();
    private readonly AnswersLater _coordinator = new();

    private Task<PokeReply> Sent => Send(TestContext.Current.CancellationToken);

    [Fact]
    public async Task A_reply_that_does_not_come_in_time_is_of_unknown_outcome_and_its_late_error_is_nobodys()
    {
        Task<PokeReply> sent = Sent;

        _time.Advance(Limit);

        CoordinatorException error = await Assert.ThrowsAsync<CoordinatorException>(() => sent);
        Assert.Equal(RequestOutcome.Unknown, error.Outcome);
        Assert.Contains("5", error.Message, StringComparison.Ordinal);
        _coordinator.Reply.SetException(new CoordinatorException(RequestOutcome.Unknown, "late"));
    }

    // The reply arrives in the moment in which the time-out is thrown. Lanes take errors of one type for "send it again" and every other for a fault: the bare
    // time-out that slipped through here used to end the lane for good.
    [Fact]
    public async Task A_reply_that_comes_together_with_the_time_out_is_no_fault()
    {
        Task<PokeReply> sent = Sent;
        void Arrive(object? sender, FirstChanceExceptionEventArgs thrown)
        {
            if (thrown.Exception is TimeoutException)
                _coordinator.Reply.TrySetResult(AnswersLater.Nothing);
        }

        AppDomain.CurrentDomain.FirstChanceException += Arrive;
        try
        {
            _time.Advance(Limit);
            Exception? error = await Record.ExceptionAsync(() => sent);
            Assert.True(error is null or CoordinatorException { Outcome: RequestOutcome.Unknown }, error?.ToString());
        }
        finally
        {
            AppDomain.CurrentDomain.FirstChanceException -= Arrive;
        }
    }

    [Fact]
    public async Task A_reply_and_an_error_of_the_coordinators_own_come_through_as_they_are()
    {
        Task<PokeReply> sent = Sent;
        _coordinator.Reply.SetResult(AnswersLater.Nothing);
        Assert.Same(AnswersLater.Nothing, await sent);

        _coordinator.Reply = new(TaskCreationOptions.RunContinuationsAsynchronously);
        sent = Sent;
        TimeoutException own = new("of the coordinator's own");
        _coordinator.Reply.SetException(own);
        Assert.Same(own, await Assert.ThrowsAsync<TimeoutException>(() => sent));
    }

    [Fact]
    public async Task Cancelling_ends_the_wait_at_once()
    {
        using CancellationTokenSource cancellation = new();
        Task<PokeReply> sent = Send(cancellation.Token);

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sent);
    }

    private Task<PokeReply> Send(CancellationToken cancellation) => _coordinator.SendAsync(
        new CoordinationNamespace("calls", Simulation.EventTally.Schema, 1), 0, new PokeRequest(0), Limit, _time, cancellation).AsTask();

    private sealed class AnswersLater : Coordinator
    {
        public static PokeReply Nothing { get; } = new(0, 0, [], long.MaxValue, long.MaxValue, 0, 0, 0, 0, 0);

        public TaskCompletionSource<PokeReply> Reply { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal override bool IsEphemeral => true;

        internal override ValueTask<TReply> SendAsync<TReply>(
            CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation) =>
            new((Task<TReply>)(object)Reply.Task);
    }
}
