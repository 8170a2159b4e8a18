using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>What happens when something does not fit: no room, a sum beyond 64 bits, a key that can't be one.</summary>
public sealed class PressureTests
{
    // Memory is bounded even if the coordinator stands still: producers have to feel it, and nothing that was taken may be lost.
    [Fact]
    public async Task Without_room_TryMerge_says_no_and_MergeAsync_waits_and_nothing_taken_is_lost()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(Narrow);
        int taken = await FillAsync(stage, worker);

        Task waiting = worker.Visits.MergeAsync("late", new Visit.Event { Hits = 1 }, Stage.Cancellation).AsTask();
        Assert.False(waiting.IsCompleted);
        stage.Coordinator.Release();
        await waiting.WaitAsync(Stage.Cancellation);
        await worker.Visits.ExpireAllAsync(Stage.Cancellation);

        HashSet<string> completed = [];
        while (completed.Count < taken + 1)
            Assert.True(completed.Add((await worker.NextAsync()).Resource));
        Assert.Contains("late", completed);
        Assert.DoesNotContain("refused", completed);
    }

    [Fact]
    public async Task With_FullMode_Fail_MergeAsync_throws_instead_of_waiting()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(options =>
        {
            Narrow(options);
            options.FullMode = FullMode.Fail;
        });
        await FillAsync(stage, worker);

        CacheFullException error = await Assert.ThrowsAsync<CacheFullException>(
            async () => await worker.Visits.MergeAsync("late", new Visit.Event { Hits = 1 }, Stage.Cancellation));

        Assert.Contains("'visit'", error.Message, StringComparison.Ordinal);
    }

    // Who gives up waiting must be able to rely on it that the event was not merged.
    [Fact]
    public async Task A_merge_that_is_cancelled_while_it_waits_was_not_merged()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(Narrow);
        int taken = await FillAsync(stage, worker);
        using CancellationTokenSource impatience = new();
        Task waiting = worker.Visits.MergeAsync("late", new Visit.Event { Hits = 1 }, impatience.Token).AsTask();

        await impatience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(taken, worker.Visits.Merges);
    }

    // A batch stops at the first event without room, so that the caller knows which ones are left.
    [Fact]
    public async Task A_batch_says_how_many_of_its_events_were_taken()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(Narrow);
        stage.Coordinator.Hold(static request => request is FlushRequest);
        KeyValuePair<string, Visit.Event>[] events = [.. Enumerable.Range(0, 20).Select(static i => new KeyValuePair<string, Visit.Event>($"k{i}", new Visit.Event { Hits = 1 }))];

        int taken = worker.Visits.TryMerge(events);

        Assert.InRange(taken, 1, 19);
        Assert.Equal(taken, worker.Visits.Merges);
    }

    // A sum that wraps is worse than an error: the event is refused and the total stays what it was.
    [Fact]
    public async Task An_event_that_would_overflow_a_field_is_refused_by_name_and_changes_nothing()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        worker.Hit("k", long.MaxValue);

        FieldOverflowException error = Assert.Throws<FieldOverflowException>(() => worker.Visits.TryMerge("k", new Visit.Event { Hits = 1, Pages = "/a" }));
        await worker.Visits.ExpireAsync("k", Stage.Cancellation);
        Visit value = (await worker.NextAsync()).Value;

        Assert.Equal(("visit", "Hits"), (error.Aggregate, error.Field));
        Assert.Equal((long.MaxValue, 0), (value.Hits, value.Pages.Count));
    }

    // Each engine's part fits, their sum does not. One bad delta must stop neither the lane nor the session, and must not vanish.
    [Fact]
    public async Task A_delta_that_overflows_at_the_coordinator_becomes_a_dead_letter_that_can_be_replayed_later()
    {
        await using Stage stage = new();
        Worker first = await stage.StartWorkerAsync();
        Worker second = await stage.StartWorkerAsync();
        first.Hit("k", long.MaxValue);
        await first.Visits.FlushAsync("k", Stage.Cancellation);
        second.Hit("k", 5);
        second.Hit("fine", 1);
        await second.Engine.FlushAsync(Stage.Cancellation);

        DeadLetter letter = Assert.Single(await second.Visits.ListDeadLettersAsync(cancellation: Stage.Cancellation));
        Assert.Equal(("k", false), (letter.Resource, letter.IsCompletion));
        Assert.False(await second.Visits.ReplayDeadLetterAsync(letter, Stage.Cancellation));
        Assert.Equal(1, (await second.Visits.PeekAsync("fine", Stage.Cancellation))!.Hits);

        await first.Visits.ExpireAsync("k", Stage.Cancellation);
        await second.Visits.ExpireAsync("k", Stage.Cancellation);
        Assert.Equal(long.MaxValue, (await second.NextAsync()).Value.Hits);
        Assert.True(await second.Visits.ReplayDeadLetterAsync(letter, Stage.Cancellation));
        Assert.Equal(5, (await second.NextAsync()).Value.Hits);
        Assert.Empty(await second.Visits.ListDeadLettersAsync(cancellation: Stage.Cancellation));
    }

    public static TheoryData<string?> KeysThatAreNone => [(string?)null, "", new string('k', 513), new string('\u20ac', 171), "half\ud800", "\udc00half"];

    // Two strings that become the same bytes would be one resource; a key without end would be unbounded memory.
    [Theory]
    [MemberData(nameof(KeysThatAreNone))]
    public async Task A_key_that_has_no_faithful_name_of_up_to_512_bytes_is_refused(string? key)
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        Visit.Event contribution = new() { Hits = 1 };

        Assert.ThrowsAny<ArgumentException>(() => worker.Visits.TryMerge(key!, contribution));
        if (key is not null)
            Assert.ThrowsAny<ArgumentException>(() => worker.Visits.TryMerge(key.AsSpan(), contribution));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await worker.Visits.MergeAsync(key!, contribution, Stage.Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await worker.Visits.PeekAsync(key!, Stage.Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await worker.Visits.FlushAsync(key!, Stage.Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await worker.Visits.ExpireAsync(key!, Stage.Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await worker.Visits.ForceExpireAsync(key!, Stage.Cancellation));

        Assert.Equal((0, 0), (worker.Visits.Count, worker.Visits.Merges));
    }

    [Fact]
    public async Task The_longest_key_and_keys_of_every_script_come_back_as_they_were()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        string[] keys = [new string('k', 512), "\U0001f600", "a\0b", " ", "ключ"];
        foreach (string key in keys)
            worker.Hit(key);

        await worker.Visits.ExpireAllAsync(Stage.Cancellation);
        HashSet<string> completed = [];
        for (int i = 0; i < keys.Length; i++)
            completed.Add((await worker.NextAsync()).Value.VisitorId);

        Assert.Equal(keys.Order(StringComparer.Ordinal), completed.Order(StringComparer.Ordinal));
    }

    private static void Narrow(EngineOptions options)
    {
        options.Partitions = 1;
        options.Capacity = 1;
        options.LaneCapacity = 1;
        options.BatchSize = 1;
    }

    /// <summary>Holds the coordinator's door shut and merges new keys until there is no room; returns how many were taken.</summary>
    private static async Task<int> FillAsync(Stage stage, Worker worker)
    {
        stage.Coordinator.Hold(static request => request is FlushRequest);
        int taken = 0;
        while (worker.Visits.TryMerge($"k{taken}", new Visit.Event { Hits = 1 }))
        {
            taken++;
            if (taken == 2)
                await stage.Coordinator.Held.WaitAsync(Stage.Cancellation); // the lane's loop is at the door: from now on nothing leaves
            Assert.True(taken < 10, "The memory has no bound.");
        }

        Assert.False(worker.Visits.TryMerge("refused", new Visit.Event { Hits = 1 }));
        return taken;
    }
}
