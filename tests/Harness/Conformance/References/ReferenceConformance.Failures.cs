using Sluice.Coordination;
using Sluice.Harness.Faults;
using Sluice.Referencing;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Dead and paused engines, lost and late messages.</summary>
public abstract partial class ReferenceConformance
{
    // Prevents: a holder that is taken for dead although it gives signs of life.
    [Fact]
    public async Task A_holder_that_gives_signs_of_life_keeps_its_reference_beyond_its_lease()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest holder = await stage.StartAsync(), other = await stage.StartAsync();
        Reference reference = await holder.AcquireAsync();
        for (int beats = 1; beats <= 7; beats++)
        {
            await stage.AdvanceAsync((ReferenceStage.Lease / 3) + TimeSpan.FromMilliseconds(1));
            await stage.Coordinator.WhenAsync<BeatRequest>(beats).WaitAsync(Cancellation);
        }

        Assert.Equal(1, await other.CountAsync());
        Assert.True(reference.IsHeld);
        Assert.Equal((0, 0), (stage.Coordinator.Count<ReapRequest>(), holder.Handled.Count + other.Handled.Count));
        Assert.Equal(DereferenceOutcome.LastOut, await reference.ReleaseAsync(cancellation: Cancellation));
    }

    // Prevents: a count that stays up for ever because a process died, and a last release that nobody runs the callback for.
    [Fact]
    public async Task The_references_of_the_dead_are_taken_back_and_the_callback_runs_elsewhere()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest dying = await stage.StartAsync(), living = await stage.StartAsync();
        Reference lost = await dying.AcquireAsync();
        await lost.MarkModifiedAsync(Cancellation);
        await dying.Engine.AbandonAsync();
        Assert.Equal(1, await living.CountAsync());
        await stage.AdvanceAsync(ReferenceStage.Lease);
        LastRelease last = await stage.DriveAsync(living.NextAsync());
        Assert.Equal(("x", LastReleaseReason.Recovered, 1L), (last.Key, last.Reason, last.TimesModified));
        Assert.Equal(0, await living.CountAsync());
        await lost.DisposeAsync();
    }

    // Prevents: a process that was away, works on with what has been cleaned up, and is never told.
    [Fact]
    public async Task An_engine_that_was_away_for_too_long_is_told_and_holds_a_new_reference()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest paused = await stage.StartAsync(), other = await stage.StartAsync();
        Reference reference = await paused.AcquireAsync();
        TaskCompletionSource<bool> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = reference.LostToken.Register(() => told.SetResult(true));
        stage.Coordinator.Hold(static request => request is BeatRequest);
        await stage.AdvanceAsync(ReferenceStage.Lease + TimeSpan.FromSeconds(1));
        LastRelease first = await stage.NextOfAsync(other, paused);
        Assert.Equal(LastReleaseReason.Recovered, first.Reason);

        stage.Coordinator.Release();
        await stage.AdvanceAsync(ReferenceStage.Lease / 3);
        Assert.True(await stage.DriveAsync(told.Task));
        Assert.False(reference.IsHeld);

        // Who comes now waits until the new reference stands.
        await using (Reference second = await stage.DriveAsync(paused.AcquireAsync()))
        {
            Assert.Equal((true, 1), (second.IsHeld, await other.CountAsync()));
            Assert.True((await other.InspectAsync()).Generation > first.Generation);
            Assert.Equal(DereferenceOutcome.StillReferenced, await reference.ReleaseAsync(cancellation: Cancellation));
        }

        Assert.Equal(0, await other.CountAsync());
    }

    // Prevents: "others hold it" from a release that gave nothing back, because everything had been taken back before.
    [Fact]
    public async Task A_release_right_after_the_loss_says_that_there_was_nothing_to_give_back()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest paused = await stage.StartAsync(), other = await stage.StartAsync();
        Reference reference = await paused.AcquireAsync();
        await LoseAsync(stage, reference, paused, other);
        Task<DereferenceOutcome> release = reference.ReleaseAsync(cancellation: Cancellation).AsTask();
        stage.Coordinator.Release();
        Assert.Equal(DereferenceOutcome.NotHeld, await stage.DriveAsync(release));
        Assert.Equal(new ReferencedResource(0, 0, 0, IsCallbackPending: false), await other.InspectAsync());
    }

    // Prevents: a callback for a generation that nobody ever held.
    [Fact]
    public async Task A_modification_and_a_release_after_the_loss_begin_no_generation()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest paused = await stage.StartAsync(), other = await stage.StartAsync();
        Reference reference = await paused.AcquireAsync();
        await LoseAsync(stage, reference, paused, other);
        Task marked = reference.MarkModifiedAsync(Cancellation).AsTask();
        Task<DereferenceOutcome> release = reference.ReleaseAsync(cancellation: Cancellation).AsTask();
        stage.Coordinator.Release();
        Assert.Equal(DereferenceOutcome.NotHeld, await stage.DriveAsync(release));
        await marked;
        Assert.Equal(new ReferencedResource(0, 0, 0, IsCallbackPending: false), await other.InspectAsync());
        Assert.Equal(0, paused.Handled.Count + other.Handled.Count);
    }

    /// <summary>Lets the lease of an engine run out and its reference be taken back, until it has been told so; what it says from then on waits for <see cref="WatchedCoordinator.Release"/>.</summary>
    private static async Task LoseAsync(ReferenceStage stage, Reference reference, ReferenceHolderUnderTest paused, ReferenceHolderUnderTest other)
    {
        TaskCompletionSource<bool> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = reference.LostToken.Register(() => told.SetResult(true));
        stage.Coordinator.Hold(static request => request is BeatRequest);
        await stage.AdvanceAsync(ReferenceStage.Lease + TimeSpan.FromSeconds(1));
        Assert.Equal(LastReleaseReason.Recovered, (await stage.NextOfAsync(other, paused)).Reason);
        await stage.DriveAsync(QuietAsync(other));

        // A lane asks who it is before it begins a new life.
        stage.Coordinator.Release();
        stage.Coordinator.Hold(static request => request is PokeRequest { Limit: 0 });
        await stage.AdvanceAsync(ReferenceStage.Lease / 3);
        await stage.DriveAsync(told.Task);
        await stage.DriveAsync(stage.Coordinator.Held.ContinueWith(static held => held.IsCompletedSuccessfully, TaskScheduler.Default));
    }

    // Prevents: a callback that never runs, or runs twice, because the answer that said "you are the last" got lost.
    [Fact]
    public async Task When_the_reply_to_the_last_release_is_lost_its_retry_gets_the_claim()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest engine = await stage.StartAsync(), other = await stage.StartAsync();
        Reference reference = await engine.AcquireAsync();
        int losses = 2;
        stage.Coordinator.Then(request =>
        {
            if (request is FlushRequest && Interlocked.Decrement(ref losses) >= 0)
                throw new CoordinatorException(RequestOutcome.Unknown, "The reply was lost.");
        });
        int ran = 0;
        DereferenceOutcome outcome = await stage.DriveAsync(reference.ReleaseAsync(
            (_, _) =>
            {
                Interlocked.Increment(ref ran);
                return ValueTask.CompletedTask;
            },
            Cancellation).AsTask());
        Assert.Equal((DereferenceOutcome.LastOut, 1), (outcome, ran));
        Assert.Equal((0, 0), (await engine.CountAsync(), engine.Handled.Count + other.Handled.Count));
        Assert.False((await engine.InspectAsync()).IsCallbackPending);
    }

    // Prevents: a copy of an old release that takes the reference of whoever came later, or runs the callback once more.
    [Fact]
    public async Task A_late_copy_of_a_release_changes_nothing()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest engine = await stage.StartAsync();
        FlushRequest? release = null;
        stage.Coordinator.Then(request =>
        {
            if (request is FlushRequest flush && flush.Items.Any(static item => !item.Holds))
                release = flush;
        });
        await (await engine.AcquireAsync()).DisposeAsync();
        FlushRequest copy = Assert.IsType<FlushRequest>(release);
        CoordinationNamespace space = new(stage.Prefix, new ReferenceDefinition(ReferenceStage.Set).Schema, 2, stage.Coordinator.Servers);
        int partition = ResourceKey.Of("x").Partition(2);
        FlushReply again = await stage.Coordinator.SendAsync(space, partition, copy, Cancellation);
        Assert.Equal((FlushStatus.Duplicate, true), (again.Status, again.Claims.IsEmpty));

        await using Reference reference = await engine.AcquireAsync();
        ReferencedResource before = await engine.InspectAsync();
        again = await stage.Coordinator.SendAsync(space, partition, copy, Cancellation);
        Assert.Equal((FlushStatus.Duplicate, true), (again.Status, again.Claims.IsEmpty));
        Assert.Equal(before, await engine.InspectAsync());
        Assert.Equal(1, engine.Handled.Count);
    }

    // Prevents: a reference that nobody has, and that keeps a resource alive for ever.
    [Fact]
    public async Task An_acquisition_that_is_given_up_leaves_nothing_behind()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest engine = await stage.StartAsync(), other = await stage.StartAsync();
        stage.Coordinator.Hold(static request => request is FlushRequest or PokeRequest);
        using CancellationTokenSource patience = new();
        Task<Reference> waiting = engine.Set.AcquireAsync("x", patience.Token).AsTask();
        await stage.Coordinator.Held.WaitAsync(Cancellation);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        stage.Coordinator.Release();
        await (await engine.AcquireAsync("y")).DisposeAsync();
        await using (Reference reference = await engine.AcquireAsync())
            Assert.Equal(1, await other.CountAsync());
        Assert.Equal(0, await other.CountAsync());
    }
}
