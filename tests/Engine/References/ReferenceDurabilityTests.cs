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

    // Prevents: a process that works on with what others have cleaned up, because the lane that brought its reference back said nothing of the time in between.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reference_that_the_server_loses_is_told_although_its_batch_is_sent_again(bool knowsTheLane)
    {
        await using ReferenceStage stage = Create();
        ReferenceHolderUnderTest engine = await StartAsync(stage), other = await StartAsync(stage);
        string[] neighbours = [.. Enumerable.Range(0, 100).Select(static i => $"n{i}").Where(static name => ResourceKey.Of(name).Partition(2) == Partition).Take(2)];
        Reference? kept = knowsTheLane ? await engine.AcquireAsync(neighbours[0]) : null;
        PartitionState before = stage.Coordinator.Snapshot(Space, Partition);
        Reference reference = await engine.AcquireAsync();
        stage.Coordinator.Restore(Space, Partition, before);
        Assert.Equal(0, await other.CountAsync());

        // Another one is the last out meanwhile.
        await other.AcquireAsync();
        await stage.DriveAsync(engine.AcquireAsync(neighbours[1]));
        Assert.Equal(2, await other.CountAsync());
        Assert.True(reference.LostToken.IsCancellationRequested);
        Assert.False(reference.IsHeld);
        Assert.True(kept is null || kept.IsHeld);
        await using Reference again = await engine.AcquireAsync();
        Assert.True(again.IsHeld);
    }

    // Prevents: an alarm for those whose reference stood all the time.
    [Fact]
    public async Task A_modification_that_the_server_loses_is_sent_again_and_nobody_has_lost_anything()
    {
        await using ReferenceStage stage = Create();
        ReferenceHolderUnderTest engine = await StartAsync(stage);
        Reference reference = await engine.AcquireAsync();
        PartitionState before = stage.Coordinator.Snapshot(Space, Partition);
        await reference.MarkModifiedAsync(Cancellation);
        stage.Coordinator.Restore(Space, Partition, before);
        Assert.Equal(0, (await engine.InspectAsync()).TimesModified);
        await stage.DriveAsync(reference.MarkModifiedAsync(Cancellation).AsTask().ContinueWith(static marked => marked.IsCompletedSuccessfully, TaskScheduler.Default));
        Assert.Equal(1, (await engine.InspectAsync()).TimesModified);
        Assert.True(reference.IsHeld);
    }

    // Prevents: "others hold it" from a release of which nobody knows whether it ever arrived.
    [Fact]
    public async Task A_release_whose_fate_is_unknown_was_not_one_that_left_others_behind()
    {
        HandDrivenTimeProvider time = new();
        await using ReferenceStage stage = new(new InProcessCoordinator(time), time);
        ReferenceHolderUnderTest engine = await stage.StartAsync();
        PartitionState nothing = stage.Coordinator.Snapshot(Space, Partition);
        Reference reference = await engine.AcquireAsync();
        stage.Coordinator.Hold(static request => request is BeatRequest || request is FlushRequest { Items.Length: > 0 });
        Task<DereferenceOutcome> release = reference.ReleaseAsync(cancellation: Cancellation).AsTask();
        await stage.Coordinator.Held.WaitAsync(Cancellation);
        await stage.AdvanceAsync(engine.Engine.Options.TombstoneLife);
        stage.Coordinator.Restore(Space, Partition, nothing);
        stage.Coordinator.Release();
        Assert.Equal(DereferenceOutcome.NotHeld, await stage.DriveAsync(release));
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
