using Sluice.Caching;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>Every way out of the cache: one item, with everything in it, with the reason, and once.</summary>
public sealed class SessionEndTests
{
    [Fact]
    public void Idle_session_ends_at_its_soft_deadline_without_traffic()
    {
        // A sweep that compared with < would leave the session until something else wakes it.
        CacheUnderTest t = new(soft: 100);
        t.Merge("a", 3);
        t.Clock.Advance(60);
        t.Merge("a", 4);
        t.Clock.Advance(99);
        Assert.True(t.Cache.TrySweep(out int early));
        Assert.Equal(0, early);
        t.Clock.Advance(1);
        Assert.True(t.Cache.TrySweep(out int due));
        Assert.Equal(1, due);
        Taken item = t.Sink.Single();
        Assert.Equal(("a", 7L, 4L, 2L), (item.Key, item.Delta.Sum, item.Delta.Max, item.Delta.Count));
        Assert.Equal((false, false, CompletionReason.Idle), (item.Holds, item.Force, item.Reason));
        Assert.Equal(0, t.Cache.Count);
    }

    [Fact]
    public void Busy_session_ends_at_its_hard_deadline()
    {
        // A deadline that every merge pushes out keeps a hot key for ever.
        CacheUnderTest t = new(soft: 100, hard: 250);
        for (int i = 0; i < 5; i++)
        {
            t.Merge("a");
            t.Clock.Advance(50);
        }

        Assert.True(t.Cache.TrySweep(out int ended));
        Assert.Equal(1, ended);
        Assert.Equal((CompletionReason.HardDeadline, 5L), (t.Sink.Drain()[0].Reason, t.Cache.Counters.Merges));
        Assert.Equal(1, t.Cache.Counters.ExpiredHard);
    }

    [Fact]
    public void Merge_at_the_deadline_begins_a_new_session_even_if_no_sweep_ran()
    {
        // Otherwise the sessions that come out would depend on when a timer happened to fire.
        CacheUnderTest t = new(soft: 100);
        t.Merge("a", 1);
        t.Clock.Advance(100);
        Assert.Equal(MergeAnswer.Merged, t.Merge("a", 2));
        Taken first = t.Sink.Single();
        Assert.Equal((1L, false, CompletionReason.Idle), (first.Delta.Sum, first.Holds, first.Reason));
        Assert.Equal(1, t.Cache.Count);
        t.Clock.Advance(100);
        t.Cache.TrySweep(out _);
        Taken second = t.Sink.Single();
        Assert.Equal((2L, 1L), (second.Delta.Sum, second.Delta.Count));
        Assert.True(second.Delta.Sequence > first.Delta.Sequence, "Later contributions to a key have higher sequence numbers, across its sessions.");
    }

    [Fact]
    public void Merge_at_the_deadline_is_refused_while_the_lane_is_full_and_loses_nothing()
    {
        CacheUnderTest t = new(soft: 100);
        t.Merge("a", 1);
        t.Clock.Advance(100);
        t.Sink.FillAll();
        Assert.Equal(MergeAnswer.Full, t.Merge("a", 2));
        Assert.Equal(1, t.Cache.Counters.Refused);
        t.Sink.Empty();
        Assert.Equal(MergeAnswer.Merged, t.Merge("a", 2));
        Assert.Equal(1L, t.Sink.Single().Delta.Sum);
        Assert.Equal(1, t.Cache.Count);
    }

    [Fact]
    public void New_key_at_capacity_evicts_one_session()
    {
        CacheUnderTest t = new(capacity: 2);
        t.Merge("a", 1);
        t.Merge("b", 2);
        t.Merge("c", 3);
        Taken item = t.Sink.Single();
        Assert.Equal(("a", 1L, false, CompletionReason.Evicted), (item.Key, item.Delta.Sum, item.Holds, item.Reason));
        Assert.Equal((2, 1L), (t.Cache.Count, t.Cache.Counters.Evicted));
    }

    [Fact]
    public void Eviction_ends_a_session_that_is_over_before_one_that_lives()
    {
        CacheUnderTest t = new(capacity: 2, soft: 100);
        t.Merge("old");
        t.Clock.Advance(50);
        t.Merge("live");
        t.Clock.Advance(50);
        t.Merge("new");
        Taken item = t.Sink.Single();
        Assert.Equal(("old", CompletionReason.Idle), (item.Key, item.Reason));
    }

    [Fact]
    public void Expire_ends_the_session_with_its_last_delta_and_says_so()
    {
        CacheUnderTest t = new();
        t.Merge("a", 5);
        Assert.True(t.Cache.TryExpire("a", force: false, waiter: null));
        Taken item = t.Sink.Single();
        Assert.Equal((5L, false, false, CompletionReason.Expired), (item.Delta.Sum, item.Holds, item.Force, item.Reason));
        Assert.True(t.Cache.TryExpire("a", force: false, waiter: null));
        Assert.Empty(t.Sink.Drain());
    }

    [Fact]
    public void Force_goes_out_for_a_resident_key_and_for_one_that_is_not()
    {
        // The session may live in another process: the coordinator has to hear of the force in any case.
        CacheUnderTest t = new();
        t.Merge("a", 5);
        Assert.True(t.Cache.TryExpire("a", force: true, waiter: null));
        Taken resident = t.Sink.Single();
        Assert.Equal((5L, false, true, CompletionReason.Forced), (resident.Delta.Sum, resident.Holds, resident.Force, resident.Reason));
        Assert.True(t.Cache.TryExpire("b", force: true, waiter: null));
        Taken absent = t.Sink.Single();
        Assert.Equal(("b", false, 0, false, true), (absent.Key, absent.HasDelta, absent.Epoch, absent.Holds, absent.Force));
        Assert.Equal(CacheUnderTest.PartitionOf("b", 8), absent.Partition);
        t.Sink.FillAll();
        Assert.False(t.Cache.TryExpire("b", force: true, waiter: null));
    }

    [Fact]
    public void Expire_all_ends_every_session_with_the_reason_it_is_given()
    {
        CacheUnderTest t = new();
        for (int i = 0; i < 20; i++)
            t.Merge($"k{i}", i);
        Assert.True(t.Cache.TryExpireAll(CompletionReason.Shutdown, out int expired));
        List<Taken> items = t.Sink.Drain();
        Assert.Equal((20, 20, 0), (expired, items.Count, t.Cache.Count));
        Assert.All(items, i => Assert.Equal((CompletionReason.Shutdown, false), (i.Reason, i.Holds)));
        Assert.Equal(190, items.Sum(i => i.Delta.Sum));
        Assert.Equal(CacheUnderTest.Never, t.Cache.NextDeadline);
    }

    [Fact]
    public void Closed_cache_takes_neither_new_keys_nor_events_and_still_gives_up_what_it_has()
    {
        CacheUnderTest t = new();
        t.Merge("a", 1);
        t.Cache.Close();
        t.Cache.Close();
        Assert.Equal(MergeAnswer.Closed, t.Merge("a", 2));
        Assert.Equal(MergeAnswer.Closed, t.Merge("b", 2));
        Assert.Equal(1, t.Cache.Count);
        Assert.True(t.Cache.TryExpireAll(CompletionReason.Shutdown, out int expired));
        Assert.Equal((1, 1L), (expired, t.Sink.Single().Delta.Sum));
    }

    [Fact]
    public void Session_that_was_flushed_gives_its_reference_back_without_a_delta()
    {
        // Without this item the coordinator would count a holder that no longer holds.
        CacheUnderTest t = new(soft: 100);
        t.Merge("a", 1);
        Assert.True(t.Cache.TryFlush("a", waiter: null));
        Assert.True(t.Sink.Single().Holds);
        t.Clock.Advance(100);
        t.Cache.TrySweep(out _);
        Taken end = t.Sink.Single();
        Assert.Equal((false, 0, false), (end.HasDelta, end.Epoch, end.Holds));
    }

    [Fact]
    public void Session_without_reference_and_without_delta_leaves_silently_even_past_a_full_lane()
    {
        CacheUnderTest t = new(capacity: 1, holdReferences: false);
        t.Merge("a", 1);
        Assert.True(t.Cache.TryFlush("a", waiter: null));
        Assert.False(t.Sink.Single().Holds);
        t.Sink.FillAll();
        Assert.Equal(MergeAnswer.Merged, t.Merge("b", 1));
        t.Sink.Empty();
        Assert.Empty(t.Sink.Drain());
        Assert.Equal((1, 1L), (t.Cache.Count, t.Cache.Counters.Evicted));
    }

    [Fact]
    public void Waiter_is_counted_for_an_item_that_was_taken_and_for_no_other()
    {
        // A waiter that is released without an item says "the coordinator has it" too early; one that is not released never says it.
        CacheUnderTest t = new();
        t.Merge("a");
        t.Sink.FillAll();
        FlushWaiter waiter = new();
        Assert.False(t.Cache.TryFlush("a", waiter));
        Assert.False(t.Cache.TryExpire("a", force: true, waiter));
        t.Sink.Empty();
        Assert.True(t.Cache.TryFlush("a", waiter));
        Assert.True(t.Cache.TryExpire("a", force: false, waiter));
        Assert.Equal(2, t.Sink.Drain().Count(i => ReferenceEquals(i.Waiter, waiter)));
        waiter.Release();
        waiter.Release();
        Assert.False(waiter.Task.IsCompleted);
        waiter.Release();
        Assert.True(waiter.Task.IsCompletedSuccessfully);
    }

    [Fact]
    public void Deadlines_near_the_end_of_time_saturate()
    {
        // created + hard would wrap to the distant past, and the session would end at once.
        CacheUnderTest t = new(soft: CacheUnderTest.Never - 10, hard: CacheUnderTest.Never);
        t.Merge("a");
        t.Merge("a");
        Assert.Equal(CacheUnderTest.Never, t.Cache.NextDeadline);
        Assert.True(t.Cache.TrySweep(out int expired));
        Assert.Equal((0, 1), (expired, t.Cache.Count));
    }

    [Fact]
    public void Clock_that_is_set_back_only_delays()
    {
        CacheUnderTest t = new(soft: 100);
        t.Merge("a");
        t.Clock.Advance(-50);
        t.Merge("a");
        t.Clock.Advance(149);
        t.Cache.TrySweep(out int early);
        Assert.Equal(0, early);
        t.Clock.Advance(1);
        t.Cache.TrySweep(out int due);
        Assert.Equal((1, 2L), (due, t.Sink.Single().Delta.Count));
    }
}
