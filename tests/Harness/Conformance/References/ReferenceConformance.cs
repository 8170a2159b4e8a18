using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>
/// What references promise, between engines, on any coordinator: counts, the last one out, and who runs its callback when something goes wrong. Every coordinator's test
/// project derives from it, supplies its server, and adds nothing else.
/// </summary>
public abstract partial class ReferenceConformance
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: a callback for everybody who lets go, or for nobody; a count that is not of engines.
    [Fact]
    public async Task Counts_go_down_engine_by_engine_and_only_the_last_one_runs_the_callback()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest[] engines = [await stage.StartAsync(), await stage.StartAsync(), await stage.StartAsync()];
        Assert.Equal(0, await engines[0].CountAsync());
        List<Reference> references = [];
        for (int i = 0; i < engines.Length; i++)
        {
            references.Add(await engines[i].AcquireAsync());
            Assert.Equal(i + 1, await engines[0].CountAsync());
        }

        List<LastRelease> last = [];
        List<DereferenceOutcome> outcomes = [];
        for (int i = 0; i < engines.Length; i++)
        {
            outcomes.Add(await references[i].ReleaseAsync(Note, Cancellation));
            Assert.Equal(2 - i, await engines[0].CountAsync());
        }

        Assert.Equal([DereferenceOutcome.StillReferenced, DereferenceOutcome.StillReferenced, DereferenceOutcome.LastOut], outcomes);
        LastRelease only = Assert.Single(last);
        Assert.Equal(("x", ReferenceStage.Set, 1, LastReleaseReason.Released), (only.Key, only.Set, only.Attempt, only.Reason));
        Assert.True(only.FencingToken > only.Generation);
        Assert.All(engines, static engine => Assert.Equal(0, engine.Handled.Count));
        Assert.Equal(new ReferencedResource(0, 0, 0, IsCallbackPending: false), await engines[0].InspectAsync());

        ValueTask Note(LastRelease release, CancellationToken lost)
        {
            last.Add(release);
            return ValueTask.CompletedTask;
        }
    }

    // Prevents: a callback that runs only for those who brought one along.
    [Fact]
    public async Task Without_a_callback_of_its_own_the_last_release_runs_the_registered_one()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest engine = await stage.StartAsync();
        await using (await engine.AcquireAsync())
            Assert.Equal(1, await engine.CountAsync());
        Assert.True(engine.Handled.TryRead(out LastRelease? last));
        Assert.Equal($"{ReferenceStage.Set}/x@{last.Generation}", last.IdempotencyKey);
        Assert.Equal(0, await engine.CountAsync());
    }

    // Prevents: one release of two in a process that ends the process's hold, or takes two off the count.
    [Fact]
    public async Task All_references_of_one_engine_count_once_and_a_release_counts_once()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest engine = await stage.StartAsync(), other = await stage.StartAsync();
        Reference first = await engine.AcquireAsync(), second = await engine.AcquireAsync(), third = await other.AcquireAsync();
        Assert.Equal(2, await engine.CountAsync());
        Assert.Equal(DereferenceOutcome.StillReferenced, await first.ReleaseAsync(cancellation: Cancellation));
        Assert.Equal(DereferenceOutcome.StillReferenced, await first.ReleaseAsync(cancellation: Cancellation));
        await first.DisposeAsync();
        Assert.Equal((false, true), (first.IsHeld, second.IsHeld));
        Assert.Equal(2, await engine.CountAsync());
        Assert.Equal(DereferenceOutcome.StillReferenced, await third.ReleaseAsync(cancellation: Cancellation));
        Assert.Equal(DereferenceOutcome.LastOut, await second.ReleaseAsync(cancellation: Cancellation));
        Assert.Equal(DereferenceOutcome.LastOut, await second.ReleaseAsync(cancellation: Cancellation));
        Assert.Equal(1, engine.Handled.Count + other.Handled.Count);
    }

    // Prevents: a number that counts flushes, or references that changed nothing.
    [Fact]
    public async Task Times_modified_counts_the_engines_that_said_so_once_a_generation()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest[] engines = [await stage.StartAsync(), await stage.StartAsync(), await stage.StartAsync()];
        List<Reference> references = [];
        foreach (ReferenceHolderUnderTest engine in engines)
            references.Add(await engine.AcquireAsync());
        Assert.Equal(0, (await engines[0].InspectAsync()).TimesModified);
        for (int times = 0; times < 3; times++)
            await references[0].MarkModifiedAsync(Cancellation);
        await references[1].MarkModifiedAsync(Cancellation);
        Assert.Equal(2, (await engines[2].InspectAsync()).TimesModified);

        foreach (Reference reference in references)
            await reference.DisposeAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await references[0].MarkModifiedAsync(Cancellation));
        Assert.Equal(2, (await engines[2].NextAsync()).TimesModified);
        await using (await engines[0].AcquireAsync())
            Assert.Equal(0, (await engines[0].InspectAsync()).TimesModified);
    }

    // Prevents: a person who can't see who keeps a resource alive.
    [Fact]
    public async Task Holders_say_who_they_are_since_when_and_when_they_were_last_heard_of()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest one = await stage.StartAsync(), two = await stage.StartAsync();
        Assert.Empty(await one.Set.HoldersAsync("x", Cancellation));
        await using Reference first = await one.AcquireAsync();
        await stage.AdvanceAsync(TimeSpan.FromSeconds(3));
        await using Reference second = await two.AcquireAsync();
        await stage.AdvanceAsync(TimeSpan.FromSeconds(2));
        await first.MarkModifiedAsync(Cancellation);
        IReadOnlyList<ReferenceHolder> holders = await two.Set.HoldersAsync("x", Cancellation);
        Assert.Equal(["process 0", "process 1"], holders.Select(static holder => holder.Process));
        Assert.Equal(TimeSpan.FromSeconds(3), holders[1].Since - holders[0].Since);
        Assert.Equal(TimeSpan.FromSeconds(5), holders[0].LastSeen - holders[0].Since);
        Assert.Equal(TimeSpan.Zero, holders[1].LastSeen - holders[1].Since);
    }

    // Prevents: an end that is decided by each of two who look at the count at the same time, or by neither.
    [Fact]
    public async Task Two_that_let_go_at_once_run_one_callback()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest one = await stage.StartAsync(), two = await stage.StartAsync();
        long generation = 0;
        for (int round = 0; round < 30; round++)
        {
            Reference[] references = await Task.WhenAll(one.AcquireAsync(), two.AcquireAsync());
            int ran = 0;
            DereferenceOutcome[] outcomes = await Task.WhenAll(references.Select(reference => Task.Run(() => reference.ReleaseAsync(
                (last, _) =>
                {
                    Interlocked.Increment(ref ran);
                    Assert.True(last.Generation > generation);
                    generation = last.Generation;
                    return ValueTask.CompletedTask;
                },
                Cancellation).AsTask())));
            Assert.Equal([DereferenceOutcome.StillReferenced, DereferenceOutcome.LastOut], outcomes.Order());
            Assert.Equal(1, ran);
        }
    }

    // Prevents: references that only one of a resource's engines can protect from each other's work.
    [Fact]
    public async Task The_mutex_of_a_resource_has_one_holder_in_all_engines()
    {
        await using ReferenceStage stage = await CreateAsync();
        ReferenceHolderUnderTest one = await stage.StartAsync(), two = await stage.StartAsync();
        await using (await one.Set.LockOf("x").AcquireAsync(cancellation: Cancellation))
        {
            Assert.Null(await two.Set.LockOf("x").TryAcquireAsync(cancellation: Cancellation));
            await using LockHandle? other = await two.Set.LockOf("y").TryAcquireAsync(cancellation: Cancellation);
            Assert.NotNull(other);
        }
    }

    /// <summary>A coordinator for one test.</summary>
    internal abstract ValueTask<ReferenceStage> CreateAsync();
}
