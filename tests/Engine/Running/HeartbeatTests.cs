using Sluice.Coordination;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>The sign of life: late in one partition, never late in another; and what an engine makes of having been silent.</summary>
public sealed class HeartbeatTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(12);

    // With a server for each partition one can hang while the others answer. Asked one after the other, the first would cost the leases in all.
    [Fact]
    public async Task With_one_partition_that_hangs_the_others_keep_their_leases()
    {
        await using Stage stage = new();
        (Worker worker, IncarnationId[] members) = await StartMembersAsync(stage, partitions: 4);
        int idle = stage.Time.ArmedTimers;
        stage.Coordinator.Hold(request => request is BeatRequest beat && beat.Incarnation == members[0]);

        for (int round = 1; round <= 6; round++)
        {
            stage.Time.Advance(Lease / 3);
            foreach (IncarnationId member in members[1..])
                await stage.Coordinator.WhenAsync<BeatRequest>(round, beat => beat.Incarnation == member).WaitAsync(Stage.Cancellation);
            await stage.Time.WhenArmedAsync(idle + 1).WaitAsync(Stage.Cancellation); // the one that hangs will be given up by the next round
        }

        for (int partition = 0; partition < members.Length; partition++)
            Assert.Equal(partition == 0 ? [members[0]] : [], await ExpiredAsync(stage, worker, partition));
    }

    // Death is noticed by beats, and the dead are taken back at once: sixteen of them, in a partition that then hangs, used to make a round longer than a lease.
    [Fact]
    public async Task Many_dead_in_a_partition_that_hangs_do_not_make_the_beats_of_the_others_late()
    {
        await using Stage stage = new();
        for (int i = 0; i < 4; i++)
        {
            (Worker dying, _) = await StartMembersAsync(stage, partitions: 2);
            await dying.Engine.AbandonAsync();
        }

        stage.Time.Advance(Lease * 0.9);
        (Worker worker, IncarnationId[] members) = await StartMembersAsync(stage, partitions: 2);
        Assert.Empty(await ExpiredAsync(stage, worker, 0));
        IncarnationId[] dead = [];
        stage.Coordinator.Hold(request => request is ReapRequest reap && Volatile.Read(ref dead).Contains(reap.Incarnation));
        stage.Time.Advance(Lease / 3 - TimeSpan.FromMilliseconds(1));
        Volatile.Write(ref dead, await ExpiredAsync(stage, worker, 0));
        Assert.Equal(4, dead.Length);
        int idle = stage.Time.ArmedTimers;

        for (int round = 1; round <= 3; round++)
        {
            stage.Time.Advance(round == 1 ? TimeSpan.FromMilliseconds(1) : Lease / 4);
            await stage.Coordinator.WhenAsync<BeatRequest>(round, beat => beat.Incarnation == members[1]).WaitAsync(Stage.Cancellation);
            await Stage.UntilAsync(() => stage.Coordinator.HeldBack == round);
            await stage.Time.WhenArmedAsync(idle + 1).WaitAsync(Stage.Cancellation);
            stage.Time.Advance(Lease / 12); // given up, and with it the rest of the round
        }

        Assert.Equal(3, stage.Coordinator.HeldBack);
        Assert.Empty(await ExpiredAsync(stage, worker, 1));
    }

    // An engine whose process stood still finds itself among those whose lease ran out, before it has beaten again. To take its own references back would
    // end its sessions in the middle, though nobody has replaced it.
    [Fact]
    public async Task After_a_pause_that_nobody_noticed_an_engine_does_not_take_its_own_references_back()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(static options =>
        {
            options.Partitions = 1;
            options.LeaseDuration = Lease;
            options.SweepInterval = TimeSpan.FromSeconds(1);
        });
        worker.Hit("k", 1);
        await worker.Visits.FlushAsync("k", Stage.Cancellation);
        worker.Hit("k", 10);
        IncarnationId before = worker.Visits.Runtime.Lanes[0].Identity.Incarnation;

        stage.Coordinator.Hold(static request => request is BeatRequest);
        stage.Time.Advance(Lease * 3);
        for (int i = 0; i < 3; i++)
        {
            // The first may have been under way before; the second finds itself; the third begins when the second has done everything that it found.
            Assert.Equal([before], await ExpiredAsync(stage, worker, 0));
            int rounds = stage.Coordinator.Count<PokeRequest>(IsOfASweep);
            stage.Time.Advance(TimeSpan.FromSeconds(1));
            await stage.Coordinator.WhenAsync<PokeRequest>(rounds + 1, IsOfASweep).WaitAsync(Stage.Cancellation);
        }

        stage.Coordinator.Release();
        worker.Hit("k", 100);
        await worker.Visits.ExpireAllAsync(Stage.Cancellation);

        Completion<Visit> completion = await worker.NextAsync();
        Assert.Equal((111, CompletionReason.Expired), (completion.Value.Hits, completion.Reason));
        Assert.Equal(0, stage.Coordinator.Count<ReapRequest>());
        Assert.Equal(before, worker.Visits.Runtime.Lanes[0].Identity.Incarnation);
    }

    // The same pause, but somebody has replaced it: it lives again as somebody else, and what it had not flushed counts once, in the next session.
    [Fact]
    public async Task After_a_pause_in_which_it_was_replaced_an_engine_lives_again_and_the_totals_are_exact()
    {
        await using Stage stage = new();
        Worker paused = await stage.StartWorkerAsync(static options =>
        {
            options.Partitions = 1;
            options.LeaseDuration = Lease;
        });
        Worker other = await stage.StartWorkerAsync(static options =>
        {
            options.Partitions = 1;
            options.LeaseDuration = Lease;
            options.SweepInterval = TimeSpan.FromSeconds(1);
        });
        paused.Visits.PauseCompletions();
        paused.Hit("k", 1);
        await paused.Visits.FlushAsync("k", Stage.Cancellation);
        paused.Hit("k", 10);
        IncarnationId before = paused.Visits.Runtime.Lanes[0].Identity.Incarnation;
        stage.Coordinator.Hold(static request => request is BeatRequest);
        stage.Time.Advance(Lease + TimeSpan.FromSeconds(2));
        Completion<Visit> recovered = await stage.DriveAsync(other.NextAsync(), TimeSpan.FromSeconds(1));
        stage.Coordinator.Release();

        paused.Hit("k", 100);
        await paused.Visits.FlushAsync("k", Stage.Cancellation);
        paused.Hit("k", 1_000);
        await paused.Visits.ExpireAsync("k", Stage.Cancellation);
        Completion<Visit> next = await stage.DriveAsync(other.NextAsync(), TimeSpan.FromSeconds(1));

        Assert.Equal((1, CompletionReason.Recovered), (recovered.Value.Hits, recovered.Reason));
        Assert.Equal(1_110, next.Value.Hits);
        Assert.True(next.Generation > recovered.Generation);
        Assert.NotEqual(before, paused.Visits.Runtime.Lanes[0].Identity.Incarnation);
        Assert.Equal(0, paused.Visits.Runtime.InFlight);
    }

    /// <summary>An engine that holds a resource in every partition, with its identities.</summary>
    private static async Task<(Worker Worker, IncarnationId[] Members)> StartMembersAsync(Stage stage, int partitions)
    {
        Worker worker = await stage.StartWorkerAsync(options =>
        {
            options.Partitions = partitions;
            options.LeaseDuration = Lease;
            options.SweepInterval = TimeSpan.FromHours(1);
        });
        foreach (IGrouping<int, string> partition in Enumerable.Range(0, 200).Select(static i => $"k{i}").GroupBy(key => ResourceKey.Of(key).Partition(partitions)))
            worker.Hit(partition.First());
        await worker.Engine.FlushAsync(Stage.Cancellation);
        IncarnationId[] members = [.. worker.Visits.Runtime.Lanes.Select(static lane => lane.Identity.Incarnation)];
        Assert.DoesNotContain(members, static member => member.IsNone);
        return (worker, members);
    }

    private static bool IsOfASweep(PokeRequest request) => request.Limit is not (0 or AllExpired);

    private const int AllExpired = 1_000;

    private static async Task<IncarnationId[]> ExpiredAsync(Stage stage, Worker worker, int partition) =>
        [.. (await stage.Coordinator.SendAsync(worker.Visits.Runtime.Space, partition, new PokeRequest(AllExpired), Stage.Cancellation)).Expired];
}
