using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Referencing;
using Xunit;

namespace Sluice.Tests.References;

/// <summary>Claims that come with the answer to a release: when they may be old, they are asked for before they are used.</summary>
public sealed class ReferenceClaimTests
{
    private static readonly CoordinationNamespace Space = new("references", new ReferenceDefinition(ReferenceStage.Set).Schema, 2);
    private static readonly int Partition = ResourceKey.Of("x").Partition(2);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: two who clean up at once, because the answer that brought the claim was older than the claim's lease.
    [Fact]
    public async Task A_claim_that_comes_with_a_late_answer_is_not_run_when_somebody_has_taken_over()
    {
        HandDrivenTimeProvider time = new();
        InProcessCoordinator coordinator = new(time);
        await using ReferenceStage stage = new(coordinator, time);
        ReferenceHolderUnderTest engine = await stage.StartAsync();
        Reference reference = await engine.AcquireAsync();
        int copies = 0, answers = 0, ran = 0;
        ClaimReply? taken = null;
        stage.Coordinator.Hold(request => IsRelease(request) && Interlocked.Increment(ref copies) > 1);
        stage.Coordinator.Fail(static request => request is ClaimRequest ? new CoordinatorException(RequestOutcome.NotApplied, "Others come first.") : null);
        stage.Coordinator.Then(request =>
        {
            if (!IsRelease(request))
                return;
            if (Interlocked.Increment(ref answers) == 1)
                throw new CoordinatorException(RequestOutcome.Unknown, "The reply was lost.");

            // Another engine takes over while the answer is on its way: the lease ran out while nothing arrived.
            taken ??= coordinator.SendAsync(Space, Partition, new ClaimRequest(8, Durations.Micros(ReferenceStage.ClaimLease)), CancellationToken.None).AsTask().GetAwaiter().GetResult();
        });
        Task<DereferenceOutcome> release = reference.ReleaseAsync(
            (_, _) =>
            {
                Interlocked.Increment(ref ran);
                return ValueTask.CompletedTask;
            },
            Cancellation).AsTask();
        await stage.Coordinator.WhenAsync<FlushRequest>(2).WaitAsync(Cancellation);
        await stage.DriveAsync(stage.Coordinator.Held.ContinueWith(static held => held.IsCompletedSuccessfully, TaskScheduler.Default));
        await stage.AdvanceAsync(ReferenceStage.ClaimLease);
        stage.Coordinator.Release();
        Assert.Equal(DereferenceOutcome.LastOutElsewhere, await stage.DriveAsync(release));
        Assert.Equal((0, 1), (ran, taken!.Claims.Length));
    }

    private static bool IsRelease(object request) => request is FlushRequest flush && flush.Items.Any(static item => !item.Holds);
}
