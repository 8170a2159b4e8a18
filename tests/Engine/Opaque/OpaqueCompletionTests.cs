using System.Threading.Channels;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;
using Sluice.Tests.Running;
using Xunit;

namespace Sluice.Tests.Opaque;

/// <summary>Sessions with opaque states on their way to the sink: merged before they are delivered, stored before that, and never in anybody's way.</summary>
public sealed class OpaqueCompletionTests
{
    // Prevents: a completion that shows one engine's part, or deltas in another order than they came.
    [Fact]
    public async Task The_handler_gets_what_all_engines_contributed_merged_by_the_applications_code()
    {
        await using Stage stage = new();
        (Aggregator<string, Shopper, Shopper.Event> first, Channel<Completion<Shopper>> completed) = await StartAsync(stage, Shopper.Definition);
        (Aggregator<string, Shopper, Shopper.Event> second, Channel<Completion<Shopper>> other) = await StartAsync(stage, Shopper.Definition);
        await ContributeAsync(first, "a");
        await ContributeAsync(second, "b");
        await ContributeAsync(first, "c");
        await first.ExpireAsync("k", Stage.Cancellation);
        await second.ExpireAsync("k", Stage.Cancellation);

        Completion<Shopper> completion = await EitherAsync(completed, other);
        Assert.Equal(("abc", 3, 3, 2), (completion.Value.Trail.Steps, completion.Value.Basket.Total, completion.Value.Visits, completion.TimesModified));
        Assert.Equal(1, stage.Coordinator.Count<CompactRequest>());

        static async Task ContributeAsync(Aggregator<string, Shopper, Shopper.Event> shoppers, string step)
        {
            Assert.True(shoppers.TryMerge("k", new Shopper.Event { Visits = 1, Basket = Basket.Of(1), Trail = new Trail(step) }));
            await shoppers.FlushAsync("k", Stage.Cancellation);
        }
    }

    // I4. Prevents: a second delivery that differs from the first because the state's code writes the same deltas differently each time.
    [Fact]
    public async Task Every_delivery_of_a_session_shows_the_merge_that_was_stored_first()
    {
        await using Stage stage = new();
        List<Marked> delivered = [];
        SluiceEngine engine = await stage.StartAsync();
        Aggregator<string, MarkedTotal, MarkedTotal.Event> totals = engine.Aggregate(MarkedTotal.Definition, options =>
        {
            options.CompletionBackoff = TimeSpan.FromSeconds(1);
            options.OnComplete = (completion, _) =>
            {
                lock (delivered)
                    delivered.Add(completion.Value.Total);
                return completion.Attempt < 3 ? throw new InvalidOperationException("Not yet.") : ValueTask.CompletedTask;
            };
        });
        await ContributeAsync(totals, 1, 2, 3);
        await totals.ExpireAsync("k", Stage.Cancellation);
        await stage.DriveAsync(new ValueTask<bool>(AcknowledgedAsync(stage)), TimeSpan.FromMinutes(1));

        Assert.Equal(3, delivered.Count);
        Assert.Equal(6, delivered[0].Sum);
        Assert.Single(delivered.Distinct());
    }

    // I4. Prevents: an engine that was away while another took its claim over delivering a merge of its own.
    [Fact]
    public async Task Two_engines_that_both_work_on_a_session_deliver_the_same_merge()
    {
        await using Stage stage = new();
        TaskCompletionSource finish = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Channel<(int Engine, Marked Total)> delivered = Channel.CreateUnbounded<(int, Marked)>();
        Aggregator<string, MarkedTotal, MarkedTotal.Event> paused = await StartAsync(1);

        // Its merge is done and on its way when the engine falls asleep. It wakes up when its claim has run out and another engine has the session.
        stage.Coordinator.Hold(request => request is ExtendRequest || (request is CompactRequest && AttemptOf(stage, MarkedTotal.Definition.Schema) < 2));
        await ContributeAsync(paused, 1, 2);
        await paused.ExpireAsync("k", Stage.Cancellation);
        await stage.Coordinator.Held.WaitAsync(Stage.Cancellation);
        await StartAsync(2);
        (int engine, Marked first) = await stage.DriveAsync(delivered.Reader.ReadAsync(Stage.Cancellation), TimeSpan.FromHours(1));
        (int other, Marked second) = await stage.DriveAsync(delivered.Reader.ReadAsync(Stage.Cancellation), TimeSpan.FromHours(1));
        finish.SetResult();

        // Which of the two is first is up to their threads.
        Assert.Equal((3, 1, 2), (first.Sum, Math.Min(engine, other), Math.Max(engine, other)));
        Assert.Equal(first, second);

        async Task<Aggregator<string, MarkedTotal, MarkedTotal.Event>> StartAsync(int number)
        {
            SluiceEngine started = await stage.StartAsync(static options => options.ClaimLease = TimeSpan.FromMinutes(1));
            return started.Aggregate(MarkedTotal.Definition, options =>
            {
                options.MaxConcurrentCompletions = 1; // so that the one who sleeps can't claim what it has lost
                options.OnComplete = async (completion, _) =>
                {
                    delivered.Writer.TryWrite((number, completion.Value.Total));
                    await finish.Task;
                };
            });
        }
    }

    // Prevents: a session whose code throws holding up others, being dropped, or being tried for ever; and an error that says nothing.
    [Fact]
    public async Task A_session_whose_merge_throws_becomes_a_dead_letter_after_its_attempts_and_can_be_replayed_whole()
    {
        await using Stage stage = new();
        const string Name = nameof(A_session_whose_merge_throws_becomes_a_dead_letter_after_its_attempts_and_can_be_replayed_whole);
        (Aggregator<string, RiggedTotal, RiggedTotal.Event> totals, Channel<Completion<RiggedTotal>> completed) = await StartAsync(stage, RiggedTotal.Definition, static options =>
        {
            options.MaxCompletionAttempts = 3;
            options.CompletionBackoff = TimeSpan.FromSeconds(1);
            options.Poison = PoisonHandling.Skip;
        });
        Rigged.OnMerge(Name, static (_, _) => throw new InvalidOperationException("Broken."));
        await ContributeAsync("k", Name);
        await ContributeAsync("good", "");
        await totals.ExpireAllAsync(Stage.Cancellation);
        await stage.DriveAsync(new ValueTask<bool>(AbandonedAsync(stage, 3)), TimeSpan.FromMinutes(1));

        Completion<RiggedTotal> good = await completed.Reader.ReadAsync(Stage.Cancellation);
        Assert.Equal(("good", 2), (good.Value.Id, good.Value.Total.Sum));
        DeadLettersReply letters = await LettersAsync(stage);
        DeadLetterEntry letter = Assert.Single(letters.Letters);
        Assert.Equal((3, DeadLetterKind.Completion), (letter.Attempts, letter.Kind));
        Assert.Contains("Rigged.Merge", letter.Error, StringComparison.Ordinal);
        Assert.Contains("InvalidOperationException: Broken.", letter.Error, StringComparison.Ordinal);

        Rigged.OnMerge(Name, null);
        ReplayReply replayed = await SendAsync(stage, RiggedTotal.Definition.Schema, letter.Resource, new ReplayRequest(letter.Resource, letter.Id, 0));
        Assert.Equal(ReplayStatus.Replayed, replayed.Status);
        Completion<RiggedTotal> mended = await stage.DriveAsync(completed.Reader.ReadAsync(Stage.Cancellation), TimeSpan.FromMinutes(5));
        Assert.Equal(("k", 2, 2, true), (mended.Value.Id, mended.Value.Total.Sum, mended.Value.Events, mended.IsOutOfOrder));

        async Task ContributeAsync(string key, string name)
        {
            for (int i = 0; i < 2; i++)
            {
                Assert.True(totals.TryMerge(key, new RiggedTotal.Event { Events = 1, Total = new Rigged(name, 1) }));
                await totals.FlushAsync(key, Stage.Cancellation);
            }
        }
    }

    // Prevents: a state that has grown too large being cut off, or stopping the others.
    [Fact]
    public async Task A_session_that_merges_into_more_than_a_state_may_take_is_refused_with_its_size()
    {
        await using Stage stage = new();
        (Aggregator<string, RiggedTotal, RiggedTotal.Event> totals, _) = await StartAsync(stage, RiggedTotal.Definition, static options => options.MaxCompletionAttempts = 1);
        for (int i = 0; i < 2; i++)
        {
            Assert.True(totals.TryMerge("k", new RiggedTotal.Event { Total = new Rigged("", 1) { Padding = 40_000 } }));
            await totals.FlushAsync("k", Stage.Cancellation);
        }

        await totals.ExpireAsync("k", Stage.Cancellation);
        await stage.Coordinator.WhenAsync<AbandonRequest>().WaitAsync(Stage.Cancellation);
        DeadLetterEntry letter = Assert.Single((await LettersAsync(stage)).Letters);
        Assert.Contains("80012 bytes; 65536 is the most", letter.Error, StringComparison.Ordinal);
    }

    // Prevents: open sessions whose deltas grow with the number of flushes.
    [Fact]
    public async Task Deltas_of_an_open_session_are_merged_while_it_is_open_so_that_they_stay_few()
    {
        await using Stage stage = new();
        SluiceEngine engine = await stage.StartAsync();
        Aggregator<string, MarkedTotal, MarkedTotal.Event> totals = engine.Aggregate(MarkedTotal.Definition); // also without a handler
        await ContributeAsync(totals, [.. Enumerable.Range(1, 17).Select(static i => (long)i)]);
        await stage.Coordinator.WhenAsync<CompactRequest>().WaitAsync(Stage.Cancellation);
        Assert.Equal(1, OpaqueItems(await PeekAsync(stage)));
        await ContributeAsync(totals, [.. Enumerable.Range(18, 100).Select(static i => (long)i)]);
        await Stage.UntilAsync(() => stage.Coordinator.Count<CompactRequest>() >= 2);
        Assert.Equal(117 * 118 / 2, (await totals.PeekAsync("k", Stage.Cancellation))!.Total.Sum);
    }

    // Prevents: a merge that a server forgot, and kept the claim, being followed by a delivery with another content.
    [Fact]
    public async Task With_a_durability_window_a_merge_that_the_server_lost_is_not_delivered()
    {
        await using Stage stage = new();
        (Aggregator<string, MarkedTotal, MarkedTotal.Event> totals, Channel<Completion<MarkedTotal>> completed) = await StartAsync(
            stage, MarkedTotal.Definition, configure: static options =>
            {
                options.DurabilityWindow = TimeSpan.FromSeconds(10);
                options.ClaimLease = TimeSpan.FromMinutes(2);
            });
        PartitionState? claimed = null;
        CoordinationNamespace space = SpaceOf(MarkedTotal.Definition.Schema);
        int partition = ResourceKey.Of("k").Partition(2);
        stage.Coordinator.Then(request =>
        {
            if (request is ClaimRequest && claimed is null && stage.Coordinator.Snapshot(space, partition) is { Sealed.IsEmpty: false } state)
                claimed = state;
        });
        await ContributeAsync(totals, 1, 2);
        await totals.ExpireAsync("k", Stage.Cancellation);
        await stage.Coordinator.WhenAsync<CompactRequest>().WaitAsync(Stage.Cancellation);
        stage.Coordinator.Restore(space, partition, claimed!);
        Completion<MarkedTotal> completion = await stage.DriveAsync(completed.Reader.ReadAsync(Stage.Cancellation), TimeSpan.FromHours(1));

        // The claim that was confirmed had lost its merge: its lease ran out, and the next one's merge was delivered.
        Assert.Equal((2, 3), (completion.Attempt, completion.Value.Total.Sum));
        Assert.Equal(2, stage.Coordinator.Count<CompactRequest>());
    }

    private static async Task<(Aggregator<string, TValue, TEvent> Aggregator, Channel<Completion<TValue>> Completed)> StartAsync<TValue, TEvent>(
        Stage stage, AggregateDefinition<string, TValue, TEvent> definition, Action<AggregateOptions<TValue>>? aggregate = null, Action<EngineOptions>? configure = null)
        where TValue : class
        where TEvent : struct
    {
        int armed = stage.Time.ArmedTimers;
        SluiceEngine engine = await stage.StartAsync(configure);
        Channel<Completion<TValue>> completed = Channel.CreateUnbounded<Completion<TValue>>();
        Aggregator<string, TValue, TEvent> aggregator = engine.Aggregate(definition, options =>
        {
            aggregate?.Invoke(options);
            options.OnComplete = (completion, _) =>
            {
                completed.Writer.TryWrite(completion);
                return ValueTask.CompletedTask;
            };
        });
        await stage.Time.WhenArmedAsync(armed + 5).WaitAsync(Stage.Cancellation);
        return (aggregator, completed);
    }

    private static async Task ContributeAsync(Aggregator<string, MarkedTotal, MarkedTotal.Event> totals, params long[] sums)
    {
        foreach (long sum in sums)
        {
            Assert.True(totals.TryMerge("k", new MarkedTotal.Event { Total = new Marked(sum) }));
            await totals.FlushAsync("k", Stage.Cancellation);
        }
    }

    private static async Task<Completion<T>> EitherAsync<T>(Channel<Completion<T>> one, Channel<Completion<T>> other)
        where T : class
    {
        Task<Completion<T>>[] reads = [one.Reader.ReadAsync(Stage.Cancellation).AsTask(), other.Reader.ReadAsync(Stage.Cancellation).AsTask()];
        Completion<T> first = await await Task.WhenAny(reads);
        one.Writer.TryComplete();
        other.Writer.TryComplete();
        await Task.WhenAll(reads).ContinueWith(static all => _ = all.Exception, TaskScheduler.Default);
        return first;
    }

    private static async Task<bool> AcknowledgedAsync(Stage stage)
    {
        await stage.Coordinator.WhenAsync<AcknowledgeRequest>();
        return true;
    }

    private static async Task<bool> AbandonedAsync(Stage stage, int count)
    {
        await stage.Coordinator.WhenAsync<AbandonRequest>(count);
        return true;
    }

    private static CoordinationNamespace SpaceOf(AggregateSchema schema) => new(new EngineOptions().Prefix, schema, 2);

    private static int AttemptOf(Stage stage, AggregateSchema schema) =>
        stage.Coordinator.Snapshot(SpaceOf(schema), ResourceKey.Of("k").Partition(2)).Sealed.Values.Select(static session => session.Attempt).SingleOrDefault();

    private static async Task<TReply> SendAsync<TReply>(Stage stage, AggregateSchema schema, ResourceKey resource, CoordinatorRequest<TReply> request) =>
        await stage.Coordinator.SendAsync(SpaceOf(schema), resource.Partition(2), request, Stage.Cancellation);

    private static Task<DeadLettersReply> LettersAsync(Stage stage) =>
        SendAsync(stage, RiggedTotal.Definition.Schema, ResourceKey.Of("k"), new DeadLettersRequest(10));

    private static async Task<PeekedResource> PeekAsync(Stage stage) =>
        (await SendAsync(stage, MarkedTotal.Definition.Schema, ResourceKey.Of("k"), new PeekRequest([ResourceKey.Of("k")]))).Resources[0];

    private static int OpaqueItems(PeekedResource peeked)
    {
        FieldCursor cursor = new(peeked.Open.Span);
        return cursor.MoveNext() ? OpaquePayload.Count(cursor.Payload) : 0;
    }
}
