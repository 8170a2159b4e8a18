using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Callbacks that fail, die, overlap, or are not the last word.</summary>
public abstract partial class ReferenceConformance
{
    // Prevents: work that is given up after the first error, or done by two.
    [Fact]
    public async Task A_callback_that_throws_is_followed_by_the_registered_one_until_it_succeeds()
    {
        await using ReferenceStage stage = await CreateAsync();
        List<LastRelease> attempts = [];
        TaskCompletionSource<LastRelease> succeeded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ReferenceHolderUnderTest engine = await stage.StartAsync((last, _) =>
        {
            attempts.Add(last);
            if (last.Attempt < 4)
                throw new InvalidOperationException("not yet");
            succeeded.SetResult(last);
            return ValueTask.CompletedTask;
        });
        Reference reference = await engine.AcquireAsync();
        DereferenceOutcome outcome = await reference.ReleaseAsync((last, _) =>
        {
            attempts.Add(last);
            throw new InvalidOperationException("never here");
        }, Cancellation);
        Assert.Equal(DereferenceOutcome.LastOutFailed, outcome);
        Assert.True((await engine.InspectAsync()).IsCallbackPending);
        await stage.DriveAsync(succeeded.Task);
        Assert.Equal([1, 2, 3, 4], attempts.Select(static last => last.Attempt));
        Assert.Equal(attempts.Select(static last => last.FencingToken).Distinct().Order(), attempts.Select(static last => last.FencingToken));
        Assert.Single(attempts.Select(static last => last.IdempotencyKey).Distinct());
    }

    // Prevents: a callback that fails for ever and nobody sees it; one that is forgotten.
    [Fact]
    public async Task A_callback_that_has_used_up_its_attempts_waits_for_a_person()
    {
        await using ReferenceStage stage = await CreateAsync();
        bool fails = true;
        TaskCompletionSource<LastRelease> succeeded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ReferenceHolderUnderTest engine = await stage.StartAsync(
            (last, _) =>
            {
                if (Volatile.Read(ref fails))
                    throw new InvalidOperationException("no");
                succeeded.SetResult(last);
                return ValueTask.CompletedTask;
            },
            static options => options.MaxAttempts = 1);
        Reference reference = await engine.AcquireAsync();
        Assert.Equal(DereferenceOutcome.LastOutFailed, await reference.ReleaseAsync(cancellation: Cancellation));
        DeadLetter letter = Assert.Single(await engine.Set.ListDeadLettersAsync(cancellation: Cancellation));
        Assert.Equal(("x", 1, true), (letter.Resource, letter.Attempts, letter.IsCompletion));
        Assert.Contains("no", letter.Error, StringComparison.Ordinal);
        Volatile.Write(ref fails, false);
        Assert.True(await engine.Set.ReplayDeadLetterAsync(letter, Cancellation));
        Assert.Equal(letter.Id, (await stage.DriveAsync(succeeded.Task)).Generation);
    }

    // Prevents: a clean-up that is lost with the process that was doing it.
    [Fact]
    public async Task When_the_process_dies_in_its_callback_another_engine_runs_the_registered_one_after_the_claim_lease()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest dying = await stage.StartAsync(), living = await stage.StartAsync();
        Reference reference = await dying.AcquireAsync();
        TaskCompletionSource<LastRelease> entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource never = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<DereferenceOutcome> release = reference.ReleaseAsync(
            async (last, _) =>
            {
                entered.SetResult(last);
                await never.Task;
            },
            Cancellation).AsTask();
        LastRelease first = await entered.Task.WaitAsync(Cancellation);
        await stage.AdvanceAsync(ReferenceStage.ClaimLease / 2);
        Assert.Equal(0, living.Handled.Count);
        await dying.Engine.AbandonAsync();

        LastRelease second = await stage.DriveAsync(living.NextAsync());
        Assert.Equal((first.Generation, 2, first.IdempotencyKey), (second.Generation, second.Attempt, second.IdempotencyKey));
        Assert.True(second.FencingToken > first.FencingToken);
        Assert.Equal((first.FirstAcquiredAt, first.LastReleasedAt, first.Reason), (second.FirstAcquiredAt, second.LastReleasedAt, second.Reason));
        never.SetResult();
        Assert.Equal(DereferenceOutcome.LastOutElsewhere, await release);
    }

    // Prevents: a newcomer whose reference disappears with what the callback cleans up, and one whose own end is forgotten.
    [Fact]
    public async Task A_reference_that_is_taken_while_the_callback_runs_begins_a_generation_of_its_own()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest one = await stage.StartAsync(), two = await stage.StartAsync();
        Reference reference = await one.AcquireAsync();
        TaskCompletionSource<LastRelease> entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource leave = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<DereferenceOutcome> release = reference.ReleaseAsync(
            async (last, _) =>
            {
                entered.SetResult(last);
                await leave.Task;
            },
            Cancellation).AsTask();
        LastRelease first = await entered.Task.WaitAsync(Cancellation);

        Reference newcomer = await two.AcquireAsync();
        ReferencedResource meanwhile = await one.InspectAsync();
        Assert.Equal((1, true), (meanwhile.Count, meanwhile.IsCallbackPending));
        Assert.True(meanwhile.Generation > first.Generation);

        // Callbacks of a resource are in order: the newcomer's waits for the one before it.
        Assert.Equal(DereferenceOutcome.LastOutElsewhere, await newcomer.ReleaseAsync(cancellation: Cancellation));
        Assert.Equal(0, one.Handled.Count + two.Handled.Count);
        ReferencedResource owed = new(0, 0, 0, IsCallbackPending: true);
        Assert.Equal(owed, await one.InspectAsync());

        // Also when the one before it has ended, and nobody has begun with it yet.
        stage.Coordinator.Hold(static request => request is ClaimRequest);
        leave.SetResult();
        Assert.Equal(DereferenceOutcome.LastOut, await release);
        Assert.Equal(owed, await one.InspectAsync());
        stage.Coordinator.Release();
        LastRelease second = await stage.NextOfAsync(one, two);
        Assert.Equal(meanwhile.Generation, second.Generation);
        Assert.True(second.FencingToken > first.FencingToken);
    }

    // Prevents: an expiry that waits for its holders, and holders who are left without an end of their own.
    [Fact]
    public async Task Force_runs_the_callback_now_and_who_holds_on_holds_the_next_generation()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest one = await stage.StartAsync(), two = await stage.StartAsync();
        Reference first = await one.AcquireAsync(), second = await two.AcquireAsync();
        await first.MarkModifiedAsync(Cancellation);
        await two.Set.ExpireAsync("x", Cancellation);
        LastRelease forced = await stage.NextOfAsync(one, two);
        Assert.Equal((LastReleaseReason.Forced, 1L), (forced.Reason, forced.TimesModified));
        ReferencedResource after = await one.InspectAsync();
        Assert.Equal((2, 0L), (after.Count, after.TimesModified));
        Assert.True(after.Generation > forced.Generation && first.IsHeld);

        await stage.DriveAsync(QuietAsync(one));
        Assert.Equal(DereferenceOutcome.StillReferenced, await second.ReleaseAsync(cancellation: Cancellation));
        List<LastRelease> last = [];
        DereferenceOutcome outcome = await first.ReleaseAsync((release, _) =>
        {
            last.Add(release);
            return ValueTask.CompletedTask;
        }, Cancellation);
        Assert.Equal(DereferenceOutcome.LastOut, outcome);
        Assert.Equal((LastReleaseReason.Released, after.Generation), (Assert.Single(last).Reason, last[0].Generation));

        // Nobody holds it: there is nothing to expire.
        await two.Set.ExpireAsync("x", Cancellation);
        Assert.Equal(new ReferencedResource(0, 0, 0, IsCallbackPending: false), await one.InspectAsync());
    }

    // Prevents: a stop that leaves references behind until the lease is over, and a callback that a stopping engine begins and drops.
    [Fact]
    public async Task An_engine_that_stops_lets_go_of_everything_and_runs_the_callbacks()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest stopping = await stage.StartAsync(), other = await stage.StartAsync();
        Reference shared = await stopping.AcquireAsync("shared"), kept = await other.AcquireAsync("shared"), own = await stopping.AcquireAsync("own");
        await stage.DriveAsync(stopping.Engine.StopAsync(TimeSpan.FromHours(1), Cancellation).AsTask());
        Assert.Equal(("own", LastReleaseReason.Stopped), ((await stopping.NextAsync()) is var last ? (last.Key, last.Reason) : default));
        Assert.Equal((1, 0), (await other.CountAsync("shared"), await other.CountAsync("own")));
        Assert.Equal(DereferenceOutcome.NotHeld, await shared.ReleaseAsync(cancellation: Cancellation));
        Assert.False(own.IsHeld);
        Assert.True(own.LostToken.IsCancellationRequested && shared.LostToken.IsCancellationRequested);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await own.MarkModifiedAsync(Cancellation));
        await own.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stopping.AcquireAsync("late"));
        await kept.DisposeAsync();
        Assert.Equal("shared", (await other.NextAsync()).Key);
    }

    // Prevents: a reference that its caller believes in, and that the engine has already let go of.
    [Fact]
    public async Task An_acquisition_that_meets_the_stop_does_not_succeed()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest stopping = await stage.StartAsync(), other = await stage.StartAsync();
        string elsewhere = Enumerable.Range(0, 100).Select(static i => $"e{i}").First(static key => ResourceKey.Of(key).Partition(2) != ResourceKey.Of("x").Partition(2));
        Reference early = await stopping.AcquireAsync(elsewhere);
        stage.Coordinator.Hold(static request => request is PokeRequest { Limit: 0 });
        Task<Reference> late = stopping.AcquireAsync();
        await stage.Coordinator.Held.WaitAsync(Cancellation);
        Task<ShutdownReport> stop = stopping.Engine.StopAsync(TimeSpan.FromHours(1), Cancellation).AsTask();
        await Eventually.UntilAsync(() => !early.IsHeld, Cancellation);
        stage.Coordinator.Release();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stage.DriveAsync(late));
        await stage.DriveAsync(stop);
        Assert.Equal(0, await other.CountAsync());
    }

    // Prevents: an engine that stops with thousands of references and runs thousands of callbacks at once.
    [Fact]
    public async Task Callbacks_that_nobody_waits_for_keep_to_their_number()
    {
        const int Most = 2, Keys = 20;
        await using ReferenceStage stage = await CreateAsync();
        int running = 0, most = 0, ran = 0;
        ReferenceHolderUnderTest engine = await stage.StartAsync(
            async (_, _) =>
            {
                int now = Interlocked.Increment(ref running);
                InterlockedMax(ref most, now);
                await Task.Delay(TimeSpan.FromSeconds(1), stage.Time, CancellationToken.None);
                Interlocked.Decrement(ref running);
                Interlocked.Increment(ref ran);
            },
            static options => options.MaxConcurrentCallbacks = Most);
        for (int key = 0; key < Keys; key++)
            await engine.AcquireAsync($"k{key}");
        await stage.DriveAsync(engine.Engine.StopAsync(TimeSpan.FromHours(1), Cancellation).AsTask());
        Assert.Equal((Keys, Most), (ran, most));

        static void InterlockedMax(ref int target, int value)
        {
            for (int seen = Volatile.Read(ref target); seen < value; seen = Volatile.Read(ref target))
                Interlocked.CompareExchange(ref target, value, seen);
        }
    }

    private static async Task<bool> QuietAsync(ReferenceHolderUnderTest engine)
    {
        await Eventually.UntilAsync(async () => !(await engine.InspectAsync()).IsCallbackPending, Cancellation);
        return true;
    }
}
