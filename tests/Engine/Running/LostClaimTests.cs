using System.Collections.Concurrent;
using System.Text;
using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>A claim is lost when its lease runs out: somebody else completes the session, and the first one has to be told.</summary>
public sealed class LostClaimTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    // The handler's token is the only word that a slow handler gets: without it, two processes would write on, each believing that it is the one.
    [Fact]
    public async Task When_a_claim_is_taken_over_the_first_handlers_token_is_cancelled_and_the_second_gets_the_same_session()
    {
        await using Stage stage = new();
        TaskCompletionSource<Completion<Visit>> slow = new();
        TaskCompletionSource lost = new();
        Worker first = await stage.StartWorkerAsync(Short, options => options.OnComplete = async (completion, token) =>
        {
            slow.SetResult(completion);
            await using CancellationTokenRegistration registration = token.Register(lost.SetResult);
            await Task.Delay(Timeout.Infinite, token);
        });
        Worker second = await stage.StartWorkerAsync(Short);
        first.Hit("k", 4);
        second.Visits.PauseCompletions();
        await first.Visits.ExpireAsync("k", Stage.Cancellation);
        Completion<Visit> delivered = await slow.Task.WaitAsync(Stage.Cancellation);
        first.Visits.PauseCompletions();
        second.Visits.ResumeCompletions();

        // A pause of the first process, as the coordinator sees it: its claims are not extended.
        stage.Coordinator.Hold(static request => request is ExtendRequest);
        stage.Time.Advance(Lease + TimeSpan.FromSeconds(1));
        Completion<Visit> again = await second.NextAsync();
        await stage.Coordinator.WhenAsync<AcknowledgeRequest>().WaitAsync(Stage.Cancellation);
        stage.Coordinator.Release();
        stage.Time.Advance(Lease);
        await lost.Task.WaitAsync(Stage.Cancellation);

        Assert.Equal((delivered.IdempotencyKey, 4, 2), (again.IdempotencyKey, again.Value.Hits, again.Attempt));
        Assert.True(again.FencingToken > delivered.FencingToken);
        Assert.Equal(0, first.Visits.Completions);
    }

    // The application's cancellation callback runs in the engine's hands: one that throws used to end the loop that keeps all other claims.
    [Fact]
    public async Task A_cancellation_callback_that_throws_does_not_cost_other_handlers_their_word()
    {
        await using Stage stage = new();
        ConcurrentDictionary<string, TaskCompletionSource> lost = new() { ["a"] = new(), ["b"] = new(), ["c"] = new() };
        using SemaphoreSlim begun = new(0);
        Worker first = await stage.StartWorkerAsync(Short, options => options.OnComplete = async (completion, token) =>
        {
            token.Register(() =>
            {
                lost[completion.Resource].SetResult();
                throw new InvalidOperationException("a callback with a bug");
            });
            begun.Release();
            await new TaskCompletionSource().Task.WaitAsync(Stage.Cancellation);
        });
        Worker second = await stage.StartWorkerAsync(Short);
        second.Visits.PauseCompletions();
        foreach (string key in lost.Keys)
            first.Hit(key);
        await first.Visits.ExpireAllAsync(Stage.Cancellation);
        for (int i = 0; i < 3; i++)
            await begun.WaitAsync(Stage.Cancellation);
        first.Visits.PauseCompletions();
        second.Visits.ResumeCompletions();

        stage.Coordinator.Hold(static request => request is ExtendRequest);
        stage.Time.Advance(Lease + TimeSpan.FromSeconds(1));
        for (int i = 0; i < 3; i++)
            await second.NextAsync();
        stage.Coordinator.Release();
        stage.Time.Advance(Lease);

        await Task.WhenAll(lost.Values.Select(static source => source.Task)).WaitAsync(Stage.Cancellation);
    }

    // With a server per partition one can be away while the others answer: waiting for it used to cost the claims of all.
    [Fact]
    public async Task A_partition_that_does_not_answer_does_not_cost_the_claims_of_the_others()
    {
        await using Stage stage = new();
        using SemaphoreSlim begun = new(0);
        Worker worker = await stage.StartWorkerAsync(Short, options => options.OnComplete = async (_, token) =>
        {
            begun.Release();
            await Task.Delay(Timeout.Infinite, token);
        });
        string[] keys = [.. Enumerable.Range(0, 100).Select(static i => $"k{i}").DistinctBy(static key => new ResourceKey(Encoding.UTF8.GetBytes(key)).Partition(2))];
        Assert.Equal(2, keys.Length);
        foreach (string key in keys)
            worker.Hit(key);
        await worker.Visits.ExpireAllAsync(Stage.Cancellation);
        await begun.WaitAsync(Stage.Cancellation);
        await begun.WaitAsync(Stage.Cancellation);

        foreach (string silent in keys)
        {
            string other = keys.Single(key => key != silent);
            int before = stage.Coordinator.Count<ExtendRequest>(request => Names(request, other));
            stage.Coordinator.Hold(request => request is ExtendRequest extend && Names(extend, silent));
            for (int round = 1; round <= 2; round++)
            {
                stage.Time.Advance(Lease / 3);
                await stage.Coordinator.WhenAsync<ExtendRequest>(before + round, request => Names(request, other)).WaitAsync(Stage.Cancellation);
            }

            stage.Coordinator.Release();
        }

        static bool Names(ExtendRequest request, string key) => request.Tickets.Any(ticket => ticket.Resource.ToString() == key);
    }

    // Sessions are claimed in chunks while they are quick. The rest of a chunk whose claims are gone used to be handed to the handler all the same:
    // after the engine had stopped, or after somebody else had them.
    [Fact]
    public async Task A_session_whose_claim_was_lost_before_its_turn_is_not_handed_over()
    {
        await using Stage stage = new();
        SemaphoreSlim mayEnd = new(0);
        TaskCompletionSource blocked = new();
        bool blocks = false;
        int handed = 0;
        Worker worker = await stage.StartWorkerAsync(options => options.Partitions = 1, options =>
        {
            options.MaxConcurrentCompletions = 1;
            options.OnComplete = async (_, _) =>
            {
                Interlocked.Increment(ref handed);
                if (!Volatile.Read(ref blocks))
                    return;
                blocked.TrySetResult();
                await mayEnd.WaitAsync(Stage.Cancellation);
            };
        });
        for (int i = 0; i < 20; i++)
            worker.Hit($"quick{i}");
        await worker.Visits.ExpireAllAsync(Stage.Cancellation);
        await stage.Coordinator.WhenAsync<AcknowledgeRequest>(matches: _ => Volatile.Read(ref handed) == 20).WaitAsync(Stage.Cancellation);
        while (worker.Visits.Runtime.Completer!.Running != 0)
            await Task.Yield();
        worker.Visits.PauseCompletions();
        Volatile.Write(ref blocks, true);
        for (int i = 0; i < 4; i++)
            worker.Hit($"slow{i}");
        await worker.Visits.ExpireAllAsync(Stage.Cancellation);
        worker.Visits.ResumeCompletions();
        await blocked.Task.WaitAsync(Stage.Cancellation);
        Assert.Equal(4, worker.Visits.Runtime.Completer!.Running);

        await worker.Engine.AbandonAsync();
        mayEnd.Release(4);
        while (worker.Visits.Runtime.Completer!.Running != 0)
            await Task.Yield();

        Assert.Equal(21, handed);
    }

    private static void Short(EngineOptions options)
    {
        options.ClaimLease = Lease;
        options.SweepInterval = TimeSpan.FromSeconds(10);
    }
}
