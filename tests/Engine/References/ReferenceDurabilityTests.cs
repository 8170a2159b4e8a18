using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Referencing;
using Xunit;

namespace Sluice.Tests.References;

/// <summary>A server that may lose its last writes: no callback runs for what may yet be undone, and nothing that was undone is forgotten.</summary>
public sealed class ReferenceDurabilityTests
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(8);
    private static readonly CoordinationNamespace Space = new("references", new ReferenceDefinition(ReferenceStage.Set).Schema, 2);
    private static readonly int Partition = ResourceKey.Of("x").Partition(2);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: a clean-up on behalf of a release that never was.
    [Fact]
    public async Task With_a_durability_window_the_callback_runs_when_it_is_over()
    {
        await using ReferenceStage stage = Create();
        ReferenceHolderUnderTest engine = await StartAsync(stage);
        Reference reference = await engine.AcquireAsync();
        DateTimeOffset? ran = null;
        Task<DereferenceOutcome> release = reference.ReleaseAsync(
            (_, _) =>
            {
                ran = stage.Time.GetUtcNow();
                return ValueTask.CompletedTask;
            },
            Cancellation).AsTask();
        await stage.Coordinator.WhenAsync<FlushRequest>(1, static flush => flush.Items.Any(static item => !item.Holds)).WaitAsync(Cancellation);
        DateTimeOffset released = stage.Time.GetUtcNow();
        Assert.Equal(DereferenceOutcome.LastOut, await stage.DriveAsync(release));
        Assert.True(ran - released >= Window);
    }

    // Prevents: a last release that the server has lost and nobody repeats, and one callback for it too many.
    [Fact]
    public async Task A_last_release_that_the_server_loses_is_sent_again_and_its_callback_runs_once()
    {
        await using ReferenceStage stage = Create();
        ReferenceHolderUnderTest engine = await StartAsync(stage);
        Reference reference = await engine.AcquireAsync();
        PartitionState before = stage.Coordinator.Snapshot(Space, Partition);
        int ran = 0;
        Task<DereferenceOutcome> release = reference.ReleaseAsync(
            (_, _) =>
            {
                ran++;
                return ValueTask.CompletedTask;
            },
            Cancellation).AsTask();
        await stage.Coordinator.WhenAsync<FlushRequest>(1, static flush => flush.Items.Any(static item => !item.Holds)).WaitAsync(Cancellation);
        stage.Coordinator.Restore(Space, Partition, before);
        Assert.Equal(1, await engine.CountAsync());

        // The claim is gone with the write; the batch that is sent again makes another, for the registered handler.
        Assert.Equal(DereferenceOutcome.LastOutElsewhere, await stage.DriveAsync(release));
        LastRelease last = await stage.DriveAsync(engine.NextAsync());
        Assert.Equal(("x", 0), (last.Key, ran));
        Assert.Equal(0, await engine.CountAsync());
        await stage.DriveAsync(engine.Engine.QuiesceAsync(Cancellation).AsTask().ContinueWith(static quiet => quiet.IsCompletedSuccessfully, TaskScheduler.Default));
        Assert.Equal(0, engine.Handled.Count);
        Assert.False((await engine.InspectAsync()).IsCallbackPending);
    }

    private static ReferenceStage Create()
    {
        HandDrivenTimeProvider time = new();
        return new ReferenceStage(new InProcessCoordinator(time), time);
    }

    private static Task<ReferenceHolderUnderTest> StartAsync(ReferenceStage stage) => stage.StartAsync(configureEngine: static options =>
    {
        options.DurabilityWindow = Window;
        options.ClaimLease = TimeSpan.FromMinutes(2);
    });
}
