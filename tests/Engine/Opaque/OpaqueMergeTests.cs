using Sluice.Coordination;
using Sluice.Harness.Conformance;
using Sluice.Tests.Running;
using Xunit;

namespace Sluice.Tests.Opaque;

/// <summary>Opaque deltas in the process: kept as bytes, merged by the application's code where nothing of the engine's is held.</summary>
public sealed class OpaqueMergeTests
{
    // Prevents: a flush that sends as many deltas as there were events.
    [Fact]
    public async Task Many_events_of_a_session_leave_as_a_few_deltas_that_amount_to_all_of_them()
    {
        await using Stage stage = new();
        SluiceEngine engine = await stage.StartAsync();
        Aggregator<string, Shopper, Shopper.Event> shoppers = engine.Aggregate(Shopper.Definition);
        for (int i = 0; i < 1000; i++)
            Assert.True(shoppers.TryMerge("k", new Shopper.Event { Visits = 1, Basket = Basket.Of(i % 10), Trail = new Trail($"{i};") }));
        List<BatchItem> sent = [];
        stage.Coordinator.Then(request => sent.AddRange(request is FlushRequest flush ? flush.Items : []));
        await shoppers.FlushAsync("k", Stage.Cancellation);

        Shopper? peeked = await shoppers.PeekAsync("k", Stage.Cancellation);
        Assert.Equal((1000, 1000, 10), (peeked!.Visits, peeked.Basket.Total, peeked.Basket.Articles.Count));
        Assert.Equal(string.Concat(Enumerable.Range(0, 1000).Select(static i => $"{i};")), peeked.Trail.Steps);
        Assert.InRange(OpaqueDeltas.Count(Assert.Single(sent).Delta), 1, 16);
    }

    // Prevents: the application's merge running inside the claim of its entry or the lock of a stripe, where its own merges would wait for ever.
    [Fact]
    public async Task The_applications_merge_may_itself_merge_into_the_same_session_and_begin_new_ones()
    {
        await using Stage stage = new();
        SluiceEngine engine = await stage.StartAsync(static options => options.Capacity = 4);
        Aggregator<string, RiggedTotal, RiggedTotal.Event> totals = engine.Aggregate(RiggedTotal.Definition);
        int inside = 0;
        Rigged.OnMerge(nameof(The_applications_merge_may_itself_merge_into_the_same_session_and_begin_new_ones), (_, _) =>
        {
            if (Interlocked.Exchange(ref inside, 1) != 0)
                return;

            // From other threads, which would not be let in if this one held anything.
            Task<bool> same = Task.Run(() => totals.TryMerge("k", One(100)));
            Task<bool> other = Task.Run(() => totals.TryMerge("another", One(1000)));
            Assert.True(same.Wait(TimeSpan.FromSeconds(30)) && same.Result, "The session's claim is held while the application merges.");
            Assert.True(other.Wait(TimeSpan.FromSeconds(30)) && other.Result, "A stripe's lock is held while the application merges.");
        });
        for (int i = 0; i < 20; i++)
            Assert.True(totals.TryMerge("k", One(1)));
        Assert.Equal(1, inside);
        await totals.FlushAsync(Stage.Cancellation);
        Assert.Equal(120, (await totals.PeekAsync("k", Stage.Cancellation))!.Total.Sum);
        Assert.Equal(1000, (await totals.PeekAsync("another", Stage.Cancellation))!.Total.Sum);
    }

    // Prevents: an event that is lost or counted twice because a flush, or another fold, came between a fold's copy and its result.
    [Fact]
    public async Task Merges_of_several_threads_into_few_sessions_lose_and_double_nothing()
    {
        await using Stage stage = new();
        SluiceEngine engine = await stage.StartAsync(static options => options.Capacity = 6);
        Aggregator<string, RiggedTotal, RiggedTotal.Event> totals = engine.Aggregate(RiggedTotal.Definition);
        const int Threads = 4, Events = 1000, Keys = 8; // so few that nothing is refused even if nobody compacts
        Task[] producers = [.. Enumerable.Range(0, Threads).Select(thread => Task.Run(async () =>
        {
            Random random = new(thread);
            for (int i = 0; i < Events; i++)
            {
                await totals.MergeAsync($"{random.Next(Keys)}", One(1), Stage.Cancellation);
                if (i % 50 == 0)
                    await totals.FlushAsync($"{random.Next(Keys)}", Stage.Cancellation);
            }
        }))];
        await Task.WhenAll(producers);
        await totals.FlushAsync(Stage.Cancellation);
        long events = 0, sum = 0;
        for (int key = 0; key < Keys; key++)
        {
            RiggedTotal? total = await totals.PeekAsync($"{key}", Stage.Cancellation);
            (events, sum) = (events + total!.Events, sum + total.Total.Sum);
        }

        Assert.Equal((Threads * Events, Threads * Events), (events, sum));
    }

    // Prevents: an event that is refused halfway, and one that is lost because the code that makes room for it is broken.
    [Fact]
    public async Task An_event_that_finds_no_room_because_the_merge_throws_is_refused_whole_and_the_others_are_kept()
    {
        await using Stage stage = new();
        SluiceEngine engine = await stage.StartAsync();
        Aggregator<string, RiggedTotal, RiggedTotal.Event> totals = engine.Aggregate(RiggedTotal.Definition);
        const string Name = nameof(An_event_that_finds_no_room_because_the_merge_throws_is_refused_whole_and_the_others_are_kept);
        Rigged.OnMerge(Name, static (_, _) => throw new InvalidOperationException("Broken."));
        for (int i = 0; i < 16; i++)
            Assert.True(totals.TryMerge("k", One(1, Name)));

        OpaqueStateException refused = Assert.Throws<OpaqueStateException>(() => totals.TryMerge("k", One(1, Name)));
        Assert.Equal((typeof(Rigged), "Merge"), (refused.State, refused.Operation));
        Assert.IsType<InvalidOperationException>(refused.InnerException);
        Assert.True(totals.TryMerge("other", One(5)));

        // A batch stops at it and tells how far it came.
        KeyValuePair<string, RiggedTotal.Event>[] batch = [new("other", One(5)), new("k", One(1, Name)), new("other", One(5))];
        Assert.Equal(1, totals.TryMerge(batch));
        await totals.FlushAsync(Stage.Cancellation);

        // Flushed as they were, so that there is room again; the coordinator has them all.
        Assert.True(totals.TryMerge("k", One(1, Name)));
        await Assert.ThrowsAsync<OpaqueStateException>(async () => await totals.PeekAsync("k", Stage.Cancellation));
        Rigged.OnMerge(Name, null);
        RiggedTotal? k = await totals.PeekAsync("k", Stage.Cancellation);
        Assert.Equal((16, 16), (k!.Events, k.Total.Sum));
        Assert.Equal(10, (await totals.PeekAsync("other", Stage.Cancellation))!.Total.Sum);
    }

    private static RiggedTotal.Event One(long sum, string name = nameof(The_applications_merge_may_itself_merge_into_the_same_session_and_begin_new_ones)) =>
        new() { Events = 1, Total = new Rigged(name, sum) };
}
