using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>What ends a session, what joins it again, and what can be seen of it meanwhile.</summary>
public sealed class SessionTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    // Peek is what all have flushed: it must neither show half of it nor invent what only one process knows.
    [Fact]
    public async Task Peek_shows_what_all_engines_have_flushed_and_nothing_else()
    {
        await using Stage stage = new();
        Worker first = await stage.StartWorkerAsync();
        Worker second = await stage.StartWorkerAsync();
        first.Hit("k", 2);

        Assert.Null(await first.Visits.PeekAsync("k", Stage.Cancellation));
        await first.Visits.FlushAsync("k", Stage.Cancellation);
        second.Hit("k", 3);
        await second.Visits.FlushAsync("k", Stage.Cancellation);
        first.Hit("k", 100);

        Visit? seen = await first.Visits.PeekAsync("k", Stage.Cancellation);
        Assert.NotNull(seen);
        Assert.Equal((5, "k"), (seen.Hits, seen.VisitorId));
        Assert.Null(await first.Visits.PeekAsync("unknown", Stage.Cancellation));
    }

    // Flush is a promise about what came before it: after it, this process may die.
    [Fact]
    public async Task Flush_returns_when_the_coordinator_has_what_was_merged_before()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        worker.Hit("k");
        worker.Hit("other");
        stage.Coordinator.Hold(static request => request is FlushRequest);

        Task flushed = worker.Visits.FlushAsync("k", Stage.Cancellation).AsTask();
        await stage.Coordinator.Held.WaitAsync(Stage.Cancellation);
        Task all = worker.Engine.FlushAsync(Stage.Cancellation).AsTask();
        Assert.False(flushed.IsCompleted || all.IsCompleted);
        stage.Coordinator.Release();
        await flushed;
        await all;

        Assert.Equal(1, (await worker.Visits.PeekAsync("k", Stage.Cancellation))!.Hits);
        Assert.Equal(1, (await worker.Visits.PeekAsync("other", Stage.Cancellation))!.Hits);
        Assert.Equal(2, worker.Visits.Count);
    }

    // A coordinator that does not answer is told as what it is, with the option that says how long is too long.
    [Fact]
    public async Task A_peek_that_gets_no_answer_says_what_is_known()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        stage.Coordinator.Hold(static request => request is PeekRequest);
        int armed = stage.Time.ArmedTimers;
        Task<Visit?> peek = worker.Visits.PeekAsync("k", Stage.Cancellation).AsTask();
        await stage.Time.WhenArmedAsync(armed + 1).WaitAsync(Stage.Cancellation);

        stage.Time.Advance(5 * Second);

        CoordinatorException error = await Assert.ThrowsAsync<CoordinatorException>(() => peek);
        Assert.Equal(RequestOutcome.Unknown, error.Outcome);
        Assert.Contains("RequestTimeout", error.Message, StringComparison.Ordinal);
    }

    // A caller that gives up waiting must not take the flush with it.
    [Fact]
    public async Task A_cancelled_flush_goes_on()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        worker.Hit("k");
        stage.Coordinator.Hold(static request => request is FlushRequest);
        using CancellationTokenSource impatience = new();
        Task flushed = worker.Visits.FlushAsync("k", impatience.Token).AsTask();
        await stage.Coordinator.Held.WaitAsync(Stage.Cancellation);

        await impatience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flushed);
        stage.Coordinator.Release();
        await stage.Coordinator.WhenAsync<FlushRequest>().WaitAsync(Stage.Cancellation);

        Assert.Equal(1, (await worker.Visits.PeekAsync("k", Stage.Cancellation))!.Hits);
    }

    // "Complete it now" must not wait for others, and what they add later must not be lost.
    [Fact]
    public async Task Force_expiry_completes_although_others_hold_and_their_later_updates_are_the_next_session()
    {
        await using Stage stage = new();
        Worker holder = await stage.StartWorkerAsync();
        Worker stranger = await stage.StartWorkerAsync();
        holder.Hit("k", 2);
        await holder.Visits.FlushAsync("k", Stage.Cancellation);

        await stranger.Visits.ForceExpireAsync("k", Stage.Cancellation);
        Completion<Visit> forced = await stranger.NextAsync();
        await stage.Coordinator.WhenAsync<AcknowledgeRequest>().WaitAsync(Stage.Cancellation); // else the stranger may get the next one too
        holder.Hit("k", 3);
        await holder.Visits.ExpireAsync("k", Stage.Cancellation);
        Completion<Visit> next = await holder.NextAsync();

        Assert.Equal((2, CompletionReason.Forced), (forced.Value.Hits, forced.Reason));
        Assert.Equal((3, CompletionReason.Expired), (next.Value.Hits, next.Reason));
        Assert.True(next.Generation > forced.Generation);
        Assert.True(next.FencingToken > forced.FencingToken);
    }

    // The one who forces has updates of its own: they belong to the session that it ends.
    [Fact]
    public async Task Force_expiry_includes_what_the_caller_had_not_flushed()
    {
        await using Stage stage = new();
        Worker first = await stage.StartWorkerAsync();
        Worker second = await stage.StartWorkerAsync();
        first.Hit("k", 2);
        await first.Visits.FlushAsync("k", Stage.Cancellation);
        second.Hit("k", 5);

        await second.Visits.ForceExpireAsync("k", Stage.Cancellation);

        Assert.Equal(7, (await second.NextAsync()).Value.Hits);
        Assert.Equal(0, second.Visits.Count);
    }

    // A key nobody knows is no error: callers expire what they think is there.
    [Fact]
    public async Task Expiring_a_key_without_a_session_does_nothing()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();

        await worker.Visits.ExpireAsync("nobody", Stage.Cancellation);
        await worker.Visits.ForceExpireAsync("nobody", Stage.Cancellation);
        worker.Hit("k");
        await worker.Visits.ExpireAsync("k", Stage.Cancellation);

        Assert.Equal("k", (await worker.NextAsync()).Resource);
        Assert.Equal(0, worker.Completed.Reader.Count);
    }

    [Fact]
    public async Task ExpireAll_ends_every_session_of_this_engine()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        for (int i = 0; i < 50; i++)
            worker.Hit($"k{i}", i + 1);

        await worker.Visits.ExpireAllAsync(Stage.Cancellation);
        Dictionary<string, long> completed = [];
        for (int i = 0; i < 50; i++)
        {
            Completion<Visit> completion = await worker.NextAsync();
            completed.Add(completion.Resource, completion.Value.Hits);
        }

        Assert.Equal(0, worker.Visits.Count);
        Assert.All(Enumerable.Range(0, 50), i => Assert.Equal(i + 1, completed[$"k{i}"]));
    }

    // The hard deadline bounds how old an unfinished total gets, even if somebody holds the resource for ever.
    [Fact]
    public async Task The_hard_deadline_completes_a_session_that_is_still_held()
    {
        await using Stage stage = new();
        Worker first = await stage.StartWorkerAsync(static options => options.HardSession = TimeSpan.FromMinutes(1));
        Worker holder = await stage.StartWorkerAsync(); // would hold it for ever
        first.Visits.PauseCompletions(); // either may complete; the test waits for the holder
        first.Hit("k", 1);
        await first.Visits.FlushAsync("k", Stage.Cancellation);
        stage.Time.Advance(30 * Second);
        holder.Hit("k", 2);
        await holder.Visits.FlushAsync("k", Stage.Cancellation);
        await first.Visits.ExpireAsync("k", Stage.Cancellation);

        await stage.Time.WhenArmedAsync(11).WaitAsync(Stage.Cancellation); // five loops each, and the moment when something is due
        stage.Time.Advance(30 * Second);
        Completion<Visit> completion = await holder.NextAsync();
        Assert.Equal(1, holder.Visits.Count);
        holder.Hit("k", 4);
        await holder.Visits.ExpireAsync("k", Stage.Cancellation);

        Assert.Equal((3, CompletionReason.HardDeadline), (completion.Value.Hits, completion.Reason));
        Assert.True(completion.SealedAt - completion.CreatedAt >= 60 * Second, "Sealed before its time.");
        Assert.Equal(4, (await holder.NextAsync()).Value.Hits);
    }

    [Fact]
    public async Task A_session_without_updates_for_the_soft_period_ends()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(options =>
        {
            options.SoftSession = 10 * Second;
            options.SessionSweepInterval = TimeSpan.FromMilliseconds(100);
        });
        worker.Hit("k", 1);
        stage.Time.Advance(9 * Second);
        worker.Hit("k", 1);

        DateTimeOffset last = stage.Time.GetUtcNow();
        Completion<Visit> completion = await stage.DriveAsync(worker.NextAsync(), Second);

        Assert.Equal((2, CompletionReason.Idle), (completion.Value.Hits, completion.Reason));
        Assert.True(completion.SealedAt >= last + (10 * Second), $"Sealed {completion.SealedAt - last} after the last update.");
    }

    // Without room the oldest goes; a completion that says so is how people learn that the capacity is too small.
    [Fact]
    public async Task An_evicted_session_is_completed_and_says_so()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(options => options.Capacity = 1);
        worker.Hit("first", 1);
        worker.Hit("second", 2);

        Completion<Visit> completion = await worker.NextAsync();

        Assert.Equal(("first", 1, CompletionReason.Evicted), (completion.Resource, completion.Value.Hits, completion.Reason));
    }

    // With linger an eviction does not split a session: the visitor comes back in time.
    [Fact]
    public async Task A_newcomer_within_the_linger_joins_the_session()
    {
        await using Stage stage = new();
        Worker first = await stage.StartWorkerAsync(Linger);
        Worker second = await stage.StartWorkerAsync(Linger);
        first.Visits.PauseCompletions(); // either may complete; the test waits for the second
        first.Hit("k", 2);
        await first.Visits.ExpireAsync("k", Stage.Cancellation);
        stage.Time.Advance(4 * Second);
        second.Hit("k", 3);
        await second.Visits.FlushAsync("k", Stage.Cancellation);

        // Past the moment that the first one's end had set.
        stage.Time.Advance(10 * Second);
        DateTimeOffset letGo = stage.Time.GetUtcNow();
        await second.Visits.ExpireAsync("k", Stage.Cancellation);
        Completion<Visit> completion = await stage.DriveAsync(second.NextAsync(), 5 * Second);

        Assert.Equal(5, completion.Value.Hits);
        Assert.Equal(2, completion.TimesModified);
        Assert.True(completion.SealedAt >= letGo + (5 * Second), $"Sealed {completion.SealedAt - letGo} after it was let go.");

        static void Linger(EngineOptions options) => options.Linger = TimeSpan.FromSeconds(5);
    }

    // Session windows without references: nobody holds anything, so nothing has to be taken back from the dead.
    [Fact]
    public async Task By_inactivity_a_session_ends_when_nobody_has_flushed_for_the_gap()
    {
        await using Stage stage = new();
        Worker first = await stage.StartWorkerAsync(ByInactivity);
        Worker second = await stage.StartWorkerAsync(ByInactivity);
        first.Hit("k", 1);
        await first.Visits.FlushAsync("k", Stage.Cancellation);
        await first.Engine.AbandonAsync(); // died: makes no difference
        stage.Time.Advance(50 * Second);
        second.Hit("k", 2);
        await second.Visits.FlushAsync("k", Stage.Cancellation);
        DateTimeOffset last = stage.Time.GetUtcNow();

        await stage.Time.WhenArmedAsync(6).WaitAsync(Stage.Cancellation); // its five loops, and the moment when something is due
        stage.Time.Advance(60 * Second);
        Completion<Visit> completion = await second.NextAsync();

        Assert.Equal((3, CompletionReason.Idle), (completion.Value.Hits, completion.Reason));
        Assert.True(completion.SealedAt >= last + (60 * Second), $"Sealed {completion.SealedAt - last} after the last flush.");

        static void ByInactivity(EngineOptions options)
        {
            options.SessionEnding = SessionEnding.ByInactivity;
            options.InactivityGap = TimeSpan.FromMinutes(1);
            options.FlushInterval = TimeSpan.FromSeconds(20);
        }
    }
}
