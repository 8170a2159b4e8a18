using System.Threading.Channels;
using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>Bulk completions, failures, dead letters, pauses and limits: how sessions reach a sink that is not always there.</summary>
public sealed class CompletionTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    // One bad row must not hold up the hundreds beside it, nor may they be written twice because of it.
    [Fact]
    public async Task Of_a_batch_only_the_session_that_was_failed_is_delivered_again()
    {
        await using Stage stage = new();
        Channel<string[]> batches = Channel.CreateUnbounded<string[]>();
        Worker worker = await stage.StartWorkerAsync(aggregate: options => options.OnCompleteBatch = (completions, _) =>
        {
            foreach (Completion<Visit> completion in completions.Where(completion => completion is { Resource: "b", Attempt: 1 }))
                completion.Fail("constraint violated");
            batches.Writer.TryWrite([.. completions.Select(completion => completion.Resource).Order()]);
            return ValueTask.CompletedTask;
        });
        worker.Visits.PauseCompletions();
        foreach (string key in (string[])["a", "b", "c"])
            worker.Hit(key);
        await worker.Visits.ExpireAllAsync(Stage.Cancellation);
        worker.Visits.ResumeCompletions();

        Assert.Equal(["a", "b", "c"], await batches.Reader.ReadAsync(Stage.Cancellation));
        Assert.Equal(["b"], await stage.DriveAsync(batches.Reader.ReadAsync(Stage.Cancellation), Second));
        await stage.Coordinator.WhenAsync<AcknowledgeRequest>(matches: static request => request.Tickets.Any(static ticket => ticket.Resource.ToString() == "b"))
            .WaitAsync(Stage.Cancellation);

        Assert.Equal(0, batches.Reader.Count);
        Assert.Empty(await worker.Visits.ListDeadLettersAsync(cancellation: Stage.Cancellation));
    }

    // A sink that is away for a while must find every session when it is back, as it was, and not be hammered meanwhile.
    [Fact]
    public async Task A_failed_completion_is_tried_again_after_a_growing_pause_with_the_same_content()
    {
        await using Stage stage = new();
        Channel<(Completion<Visit> Completion, DateTimeOffset At)> attempts = Channel.CreateUnbounded<(Completion<Visit>, DateTimeOffset)>();
        Worker worker = await stage.StartWorkerAsync(aggregate: options => options.OnComplete = (completion, _) =>
        {
            attempts.Writer.TryWrite((completion, stage.Time.GetUtcNow()));
            return completion.Attempt < 4 ? throw new TimeoutException("the database is away") : ValueTask.CompletedTask;
        });
        worker.Hit("k", 3);
        await worker.Visits.ExpireAsync("k", Stage.Cancellation);

        List<(Completion<Visit> Completion, DateTimeOffset At)> seen = [];
        for (int i = 0; i < 4; i++)
            seen.Add(await stage.DriveAsync(attempts.Reader.ReadAsync(Stage.Cancellation), 2 * Second));

        Assert.Equal([1, 2, 3, 4], seen.Select(static attempt => attempt.Completion.Attempt));
        Assert.All(seen, static attempt => Assert.Equal(3, attempt.Completion.Value.Hits));
        Assert.Single(seen.Select(static attempt => attempt.Completion.IdempotencyKey).Distinct());
        Assert.Equal(seen.Select(static attempt => attempt.Completion.FencingToken).Order().Distinct(), seen.Select(static attempt => attempt.Completion.FencingToken));
        TimeSpan[] pauses = [.. seen.Zip(seen.Skip(1), static (before, after) => after.At - before.At)];
        for (int i = 0; i < pauses.Length; i++)
            Assert.InRange(pauses[i], TimeSpan.FromMilliseconds(200 << i), TimeSpan.FromMilliseconds((200 << i) + 50));
    }

    // A session that the sink never takes must not be lost, nor be tried for ever; its resource's later sessions stay in order behind it.
    [Fact]
    public async Task After_the_last_attempt_a_session_is_a_dead_letter_and_its_successors_wait_until_it_is_replayed()
    {
        await using Stage stage = new();
        (Worker worker, Sink sink) = await StartAsync(stage, PoisonHandling.Park);
        DeadLetter letter = await BuryAsync(stage, worker, sink);
        int claims = stage.Coordinator.Count<ClaimRequest>();
        worker.Hit("k", 2);
        await worker.Visits.ExpireAsync("k", Stage.Cancellation);
        await stage.Coordinator.WhenAsync<ClaimRequest>(claims + 1).WaitAsync(Stage.Cancellation);

        Assert.True(letter.IsCompletion);
        Assert.Equal(("k", 3), (letter.Resource, letter.Attempts));
        Assert.Contains("constraint violated", letter.Error, StringComparison.Ordinal);
        Assert.Equal(0, sink.Taken.Reader.Count);

        sink.IsBroken = false;
        Assert.True(await worker.Visits.ReplayDeadLetterAsync(letter, Stage.Cancellation));
        Completion<Visit> replayed = await sink.NextAsync();
        Completion<Visit> next = await sink.NextAsync();
        Assert.Equal((1, letter.Id, false), (replayed.Value.Hits, replayed.Generation, replayed.IsOutOfOrder));
        Assert.Equal(2, next.Value.Hits);
        Assert.True(next.Generation > replayed.Generation);
        Assert.False(await worker.Visits.ReplayDeadLetterAsync(letter, Stage.Cancellation));
    }

    [Fact]
    public async Task Purging_a_parked_session_lets_its_successors_go_on()
    {
        await using Stage stage = new();
        (Worker worker, Sink sink) = await StartAsync(stage, PoisonHandling.Park);
        DeadLetter letter = await BuryAsync(stage, worker, sink);
        int claims = stage.Coordinator.Count<ClaimRequest>();
        worker.Hit("k", 2);
        await worker.Visits.ExpireAsync("k", Stage.Cancellation);
        await stage.Coordinator.WhenAsync<ClaimRequest>(claims + 1).WaitAsync(Stage.Cancellation);
        sink.IsBroken = false;

        Assert.True(await worker.Visits.PurgeDeadLetterAsync(letter, Stage.Cancellation));

        Assert.Equal(2, (await sink.NextAsync()).Value.Hits);
        Assert.Empty(await worker.Visits.ListDeadLettersAsync(cancellation: Stage.Cancellation));
        Assert.False(await worker.Visits.PurgeDeadLetterAsync(letter, Stage.Cancellation));
    }

    // Skip is for sinks to which order means nothing: they go on, and a replay says that it comes late.
    [Fact]
    public async Task With_skip_later_sessions_go_on_and_a_replay_is_marked_out_of_order()
    {
        await using Stage stage = new();
        (Worker worker, Sink sink) = await StartAsync(stage, PoisonHandling.Skip);
        DeadLetter letter = await BuryAsync(stage, worker, sink);
        sink.IsBroken = false;
        worker.Hit("k", 2);
        await worker.Visits.ExpireAsync("k", Stage.Cancellation);
        Completion<Visit> later = await sink.NextAsync();
        await stage.Coordinator.WhenAsync<AcknowledgeRequest>().WaitAsync(Stage.Cancellation); // one at a time: until then a replay is refused

        Assert.True(await worker.Visits.ReplayDeadLetterAsync(letter, Stage.Cancellation));
        Completion<Visit> replayed = await sink.NextAsync();

        Assert.Equal((2, false), (later.Value.Hits, later.IsOutOfOrder));
        Assert.Equal((1, true, letter.Id), (replayed.Value.Hits, replayed.IsOutOfOrder, replayed.Generation));
        Assert.Empty(await worker.Visits.ListDeadLettersAsync(cancellation: Stage.Cancellation));
    }

    // A person replays yesterday's letters while today's sessions are open: held here, held elsewhere, waiting for their time.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_replay_neither_ends_nor_changes_an_open_session_of_the_key(bool byInactivity)
    {
        await using Stage stage = new();
        Sink sink = new();
        Worker worker = await stage.StartWorkerAsync(
            options =>
            {
                options.SessionEnding = byInactivity ? SessionEnding.ByInactivity : SessionEnding.ByReference;
                options.InactivityGap = TimeSpan.FromHours(10);
            },
            options =>
            {
                options.Poison = PoisonHandling.Skip;
                options.MaxCompletionAttempts = 3;
                options.OnComplete = (completion, _) => sink.TakeAsync(completion);
            });
        DeadLetter letter = await BuryAsync(stage, worker, sink, force: true);
        sink.IsBroken = false;
        worker.Hit("k", 20);
        await worker.Visits.FlushAsync("k", Stage.Cancellation);
        worker.Hit("k", 300); // not flushed yet
        int claims = stage.Coordinator.Count<ClaimRequest>();

        Assert.True(await worker.Visits.ReplayDeadLetterAsync(letter, Stage.Cancellation));
        Completion<Visit> replayed = await sink.NextAsync();
        await stage.Coordinator.WhenAsync<AcknowledgeRequest>().WaitAsync(Stage.Cancellation);

        Assert.Equal((1, letter.Id, true), (replayed.Value.Hits, replayed.Generation, replayed.IsOutOfOrder));
        Assert.Equal(20, (await worker.Visits.PeekAsync("k", Stage.Cancellation))!.Hits);
        Assert.InRange(stage.Coordinator.Count<ClaimRequest>(), claims + 1, claims + 3);
        Assert.Equal(0, sink.Taken.Reader.Count);
        worker.Hit("k", 4_000);
        await worker.Visits.ForceExpireAsync("k", Stage.Cancellation);
        Completion<Visit> next = await sink.NextAsync();
        Assert.Equal((4_320, false), (next.Value.Hits, next.IsOutOfOrder));
        Assert.True(next.Generation > replayed.Generation);
    }

    // A delta that did not fit joins the session that is open now: its holders go on, and it ends when they let go, not when the letter came.
    [Fact]
    public async Task A_replayed_delta_joins_the_open_session_and_does_not_end_it()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        worker.Hit("k", long.MaxValue);
        await worker.Visits.FlushAsync("k", Stage.Cancellation);
        worker.Hit("k", 5); // one too many for this session
        await worker.Visits.FlushAsync("k", Stage.Cancellation);
        DeadLetter letter = Assert.Single(await worker.Visits.ListDeadLettersAsync(cancellation: Stage.Cancellation));
        await worker.Visits.ExpireAsync("k", Stage.Cancellation);
        Assert.Equal(long.MaxValue, (await worker.NextAsync()).Value.Hits);
        await stage.Coordinator.WhenAsync<AcknowledgeRequest>().WaitAsync(Stage.Cancellation);
        worker.Hit("k", 20);
        await worker.Visits.FlushAsync("k", Stage.Cancellation);
        DateTimeOffset created = stage.Time.GetUtcNow();
        stage.Time.Advance(Second);

        Assert.True(await worker.Visits.ReplayDeadLetterAsync(letter, Stage.Cancellation));

        Assert.Equal(25, (await worker.Visits.PeekAsync("k", Stage.Cancellation))!.Hits);
        worker.Hit("k", 300);
        await worker.Visits.ExpireAsync("k", Stage.Cancellation);
        Completion<Visit> ended = await worker.NextAsync();
        Assert.Equal((325, CompletionReason.Expired, created), (ended.Value.Hits, ended.Reason, ended.CreatedAt));
        Assert.Equal(0, worker.Completed.Reader.Count);
    }

    // A database under maintenance: nothing is claimed, so nothing fails, and nothing is lost.
    [Fact]
    public async Task Paused_completions_wait_and_go_on_when_resumed()
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync();
        worker.Visits.PauseCompletions();
        for (int i = 0; i < 10; i++)
            worker.Hit($"k{i}");
        await worker.Visits.ExpireAllAsync(Stage.Cancellation);
        Assert.Equal(0, stage.Coordinator.Count<ClaimRequest>());

        worker.Visits.ResumeCompletions();

        for (int i = 0; i < 10; i++)
            await worker.NextAsync();
        Assert.Equal(0, worker.Completed.Reader.Count);
    }

    // The loop that claims may be waiting for a free unit when the pause comes: it used to claim once more when the unit was free.
    [Fact]
    public async Task A_pause_also_holds_when_it_comes_while_all_units_are_busy()
    {
        await using Stage stage = new();
        SemaphoreSlim mayEnd = new(0);
        Channel<bool> begunPaused = Channel.CreateUnbounded<bool>();
        bool isPaused = false;
        Worker worker = await stage.StartWorkerAsync(aggregate: options =>
        {
            options.MaxConcurrentCompletions = 1;
            options.OnComplete = async (_, _) =>
            {
                begunPaused.Writer.TryWrite(Volatile.Read(ref isPaused));
                await mayEnd.WaitAsync(Stage.Cancellation);
            };
        });
        for (int i = 0; i < 8; i++)
            worker.Hit($"k{i}");
        await worker.Visits.ExpireAllAsync(Stage.Cancellation);
        Assert.False(await begunPaused.Reader.ReadAsync(Stage.Cancellation));

        worker.Visits.PauseCompletions();
        Volatile.Write(ref isPaused, true);
        mayEnd.Release(8);
        await stage.Coordinator.WhenAsync<AcknowledgeRequest>().WaitAsync(Stage.Cancellation);
        while (worker.Visits.Runtime.Completer!.Running != 0)
            await Task.Yield();
        for (int i = 0; i < 200; i++)
            await Task.Yield(); // time for the fault to show; a correct engine needs none
        Volatile.Write(ref isPaused, false);
        worker.Visits.ResumeCompletions();

        for (int i = 1; i < 8; i++)
            Assert.False(await begunPaused.Reader.ReadAsync(Stage.Cancellation), "A session was handed over during the pause.");
    }

    // The limit is the database's protection.
    [Fact]
    public async Task No_more_completions_run_at_once_than_allowed()
    {
        await using Stage stage = new();
        SemaphoreSlim mayEnd = new(0);
        SemaphoreSlim begun = new(0);
        int running = 0;
        int most = 0;
        Worker worker = await stage.StartWorkerAsync(aggregate: options =>
        {
            options.MaxConcurrentCompletions = 3;
            options.OnComplete = async (_, _) =>
            {
                InterlockedMax(ref most, Interlocked.Increment(ref running));
                begun.Release();
                await mayEnd.WaitAsync(Stage.Cancellation);
                Interlocked.Decrement(ref running);
            };
        });
        for (int i = 0; i < 12; i++)
            worker.Hit($"k{i}");
        await worker.Visits.ExpireAllAsync(Stage.Cancellation);

        for (int i = 0; i < 3; i++)
            await begun.WaitAsync(Stage.Cancellation);
        mayEnd.Release(12);
        for (int i = 3; i < 12; i++)
            await begun.WaitAsync(Stage.Cancellation);

        Assert.Equal(3, most);
    }

    private static void InterlockedMax(ref int most, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref most)) < value && Interlocked.CompareExchange(ref most, value, seen) != seen)
        {
        }
    }

    private static async Task<(Worker Worker, Sink Sink)> StartAsync(Stage stage, PoisonHandling poison)
    {
        Sink sink = new();
        Worker worker = await stage.StartWorkerAsync(aggregate: options =>
        {
            options.Poison = poison;
            options.MaxCompletionAttempts = 3;
            options.OnComplete = (completion, _) => sink.TakeAsync(completion);
        });
        return (worker, sink);
    }

    /// <summary>Has the session of "k", one hit, fail until it is a dead letter.</summary>
    private static async Task<DeadLetter> BuryAsync(Stage stage, Worker worker, Sink sink, bool force = false)
    {
        sink.IsBroken = true;
        worker.Hit("k", 1);
        await (force ? worker.Visits.ForceExpireAsync("k", Stage.Cancellation) : worker.Visits.ExpireAsync("k", Stage.Cancellation));
        await stage.DriveAsync(DoneAsync(stage.Coordinator.WhenAsync<AbandonRequest>(3)), Second);
        return Assert.Single(await worker.Visits.ListDeadLettersAsync(cancellation: Stage.Cancellation));

        static async ValueTask<bool> DoneAsync(Task task)
        {
            await task.WaitAsync(Stage.Cancellation);
            return true;
        }
    }

    private sealed class Sink
    {
        public bool IsBroken { get; set; }

        public Channel<Completion<Visit>> Taken { get; } = Channel.CreateUnbounded<Completion<Visit>>();

        public ValueTask<Completion<Visit>> NextAsync() => Taken.Reader.ReadAsync(Stage.Cancellation);

        public ValueTask TakeAsync(Completion<Visit> completion)
        {
            if (IsBroken)
                throw new InvalidOperationException("constraint violated");
            Taken.Writer.TryWrite(completion);
            return ValueTask.CompletedTask;
        }
    }
}
