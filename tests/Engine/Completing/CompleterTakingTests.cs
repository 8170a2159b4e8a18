using System.Collections.Immutable;
using Sluice.Completing;
using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Referencing;
using Xunit;

namespace Sluice.Tests.Completing;

/// <summary>Claims that came with the reply to another request.</summary>
public sealed class CompleterTakingTests
{
    private static readonly ReferenceDefinition Definition = new("things");
    private static readonly CoordinationNamespace Space = new("taking", Definition.Schema, 1);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: a callback that runs twice at once, because a copy of the batch that made the claim was answered as well.
    [Fact]
    public async Task A_claim_that_comes_twice_is_worked_on_once()
    {
        HandDrivenTimeProvider time = new();
        await using InProcessCoordinator coordinator = new(time);
        Counting handler = new();
        Completer completer = new(Space, Definition, coordinator, Terms, handler, new Silent(), new SeenClock(1), time);
        ClaimInHand claim = new(0, await ClaimAsync(coordinator, time), TimeSpan.Zero);
        Task<WorkOutcome> first = completer.TakeAsync(claim, handler: null, isAwaited: true);
        Task<WorkOutcome> second = completer.TakeAsync(claim, handler: null, isAwaited: false);
        await handler.Entered.Task.WaitAsync(Cancellation);
        handler.Leave.SetResult();
        Assert.Equal([WorkOutcome.Completed, WorkOutcome.Completed], await Task.WhenAll(first, second).WaitAsync(Cancellation));
        Assert.Equal(1, handler.Runs);
        await completer.StopAsync(Cancellation);
    }

    private static CompletionTerms Terms => new()
    {
        Concurrency = 1,
        BulkSize = 0,
        MaxAttempts = 3,
        FirstBackoff = TimeSpan.FromSeconds(1),
        LastBackoff = TimeSpan.FromSeconds(1),
        ClaimLease = ReferenceStage.ClaimLease,
        DurabilityWindow = TimeSpan.Zero,
        Poison = PoisonRule.Park,
        DeadLetterLimit = 10,
    };

    /// <summary>Takes a reference and gives it back: the reply has the claim.</summary>
    private static async Task<ClaimedSession> ClaimAsync(InProcessCoordinator coordinator, HandDrivenTimeProvider time)
    {
        FlushTerms terms = new(Durations.Micros(ReferenceStage.Lease), 0, Durations.Never, 0, Durations.Micros(TimeSpan.FromDays(1)), int.MaxValue, 10)
        {
            References = new ReferenceTerms(Durations.Micros(ReferenceStage.ClaimLease), "process"),
        };
        IncarnationId incarnation = new(time.GetUtcNow().ToUnixTimeMilliseconds() * 1_000, 1, 1);
        FlushReply? reply = null;
        for (int number = 1; number <= 2; number++)
        {
            ImmutableArray<BatchItem> items = [new BatchItem(ResourceKey.Of("x"), default, Holds: number == 1, Force: false, CompletionReason.Expired)];
            reply = await coordinator.SendAsync(Space, 0, new FlushRequest(Space.Layout, incarnation, number, (ulong)number, items, terms), Cancellation);
        }

        return Assert.Single(reply!.Claims);
    }

    private sealed class Counting : ICompletionHandler
    {
        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Leave { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Runs { get; private set; }

        public async ValueTask RunAsync(IReadOnlyList<ClaimedWork> work)
        {
            Runs++;
            Entered.TrySetResult();
            await Leave.Task;
        }
    }

    private sealed class Silent : ICompletionObserver
    {
        public void OnAttempt(int sessions)
        {
        }

        public void OnCompleted(int sessions)
        {
        }

        public void OnFailed(ClaimedWork work, bool isDeadLetter)
        {
        }

        public void OnClaimLost(ClaimedWork work)
        {
        }

        public void OnError(int partition, Exception error)
        {
        }

        public void OnCallbackThrew(ClaimedWork work, Exception error)
        {
        }
    }
}
