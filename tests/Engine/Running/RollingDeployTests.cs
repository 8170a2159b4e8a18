using System.Collections.Concurrent;
using System.Collections.Immutable;
using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>
/// Two releases of a service side by side, with other fields in the same aggregate: each drains with its own code. What is held today is completed by the
/// code that began it, wherever an engine of that release still runs.
/// </summary>
public sealed class RollingDeployTests(SharedRedisServer shared)
{
    private const int Keys = 12;

    // Prevents: the new release claiming sessions that it can't read, the old one losing those that it began, and a total that is split or counted twice.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Releases_with_other_fields_run_side_by_side_and_each_completes_its_own(bool onRedis)
    {
        await using Deployment deployment = await Deployment.StartAsync(onRedis ? await shared.GetAsync() : null);

        // Yesterday: the old release alone, with sessions that stay open.
        Release<Visit, Visit.Event> old = await deployment.StartAsync(Visit.Definition, static hits => new Visit.Event { Hits = hits }, static visit => visit.Hits, completes: true);
        Release<Visit, Visit.Event> oldProducer = await deployment.StartAsync(Visit.Definition, static hits => new Visit.Event { Hits = hits }, static visit => visit.Hits, completes: false);
        await old.MergeAsync(Keys, 1);
        await oldProducer.MergeAsync(Keys, 10);

        // The new one comes: an engine that does both, one that only completes, one that only produces, and a service that knows neither release.
        Release<LaterRelease.Visit, LaterRelease.Visit.Event> both = await StartLaterAsync(completes: true);
        Release<LaterRelease.Visit, LaterRelease.Visit.Event> completer = await StartLaterAsync(completes: true);
        Release<LaterRelease.Visit, LaterRelease.Visit.Event> producer = await StartLaterAsync(completes: false);
        Release<Fragile, Fragile.Event> other = await deployment.StartAsync(Fragile.Definition, static hits => new Fragile.Event { Hits = hits }, static fragile => fragile.Hits, completes: true);
        await both.MergeAsync(Keys, 100);
        await producer.MergeAsync(Keys, 1_000);
        await old.MergeAsync(Keys, 1);
        await oldProducer.MergeAsync(Keys, 10);

        // A live value is that of the asker's own release.
        Assert.Equal(22, (await old.Aggregator.PeekAsync("key-0", deployment.Cancellation))!.Hits);
        LaterRelease.Visit? later = await both.Aggregator.PeekAsync("key-0", deployment.Cancellation);
        Assert.Equal((1_100, 11), (later!.Hits, later.Errors));

        // The old release goes, its handler last; then the producers of the new one.
        await oldProducer.StopAsync();
        await old.Aggregator.ExpireAllAsync(deployment.Cancellation);
        await old.Engine.QuiesceAsync(deployment.Cancellation);
        await old.StopAsync();
        Assert.Equal(Expected(22), old.Totals);
        Assert.Empty(both.Totals);
        await producer.StopAsync();
        await both.StopAsync();
        await completer.Engine.QuiesceAsync(deployment.Cancellation);
        Assert.Equal(Expected(1_100), Sum(both.Totals, completer.Totals));
        Assert.Empty(other.Totals);

        // Nobody asked for sessions of a release or of an aggregate that is not its own, and who has no handler asked for none.
        Assert.Equal([Visit.Definition.Schema.Fingerprint], old.Asked);
        Assert.Equal([LaterRelease.Visit.Definition.Schema.Fingerprint], both.Asked.Union(completer.Asked));
        Assert.DoesNotContain(other.Asked, static asked => asked != Fragile.Definition.Schema.Fingerprint);
        Assert.Empty(oldProducer.Asked);
        Assert.Empty(producer.Asked);

        Task<Release<LaterRelease.Visit, LaterRelease.Visit.Event>> StartLaterAsync(bool completes) => deployment.StartAsync(
            LaterRelease.Visit.Definition, static hits => new LaterRelease.Visit.Event { Hits = hits, Errors = hits / 100 }, static visit => visit.Hits, completes);
    }

    // What becomes of yesterday's sessions when the old release is gone altogether. Prevents: sessions that vanish with the release, or are handed to code
    // that can't read them.
    [Fact]
    public async Task Sessions_of_a_release_that_is_gone_wait_for_an_engine_of_that_release_and_are_completed_by_it()
    {
        await using Deployment deployment = await Deployment.StartAsync(await shared.GetAsync());
        Release<Visit, Visit.Event> old = await deployment.StartAsync(Visit.Definition, static hits => new Visit.Event { Hits = hits }, static visit => visit.Hits, completes: true);
        await old.MergeAsync(Keys, 7);
        await old.AbandonAsync(); // killed, with every session open

        Release<LaterRelease.Visit, LaterRelease.Visit.Event> next = await deployment.StartAsync(
            LaterRelease.Visit.Definition, static hits => new LaterRelease.Visit.Event { Hits = hits }, static visit => visit.Hits, completes: true);
        await next.MergeAsync(Keys, 100);
        await next.Aggregator.ExpireAllAsync(deployment.Cancellation);
        await next.Engine.QuiesceAsync(deployment.Cancellation);
        Assert.Equal(Expected(100), next.Totals);

        // One engine of the old release, started to drain it: it need not produce anything.
        Release<Visit, Visit.Event> drain = await deployment.StartAsync(Visit.Definition, static hits => new Visit.Event { Hits = hits }, static visit => visit.Hits, completes: true);
        await drain.CompletedAsync(Keys);
        Assert.Equal(Expected(7), drain.Totals);
        Assert.All(drain.Reasons, static reason => Assert.Equal(CompletionReason.Recovered, reason));
        Assert.Equal(Expected(100), next.Totals);
    }

    private static ImmutableSortedDictionary<string, long> Expected(long hits) =>
        Enumerable.Range(0, Keys).ToImmutableSortedDictionary(static key => $"key-{key}", _ => hits);

    private static ImmutableSortedDictionary<string, long> Sum(params IEnumerable<IEnumerable<KeyValuePair<string, long>>> totals) =>
        totals.SelectMany(static total => total).GroupBy(static total => total.Key).ToImmutableSortedDictionary(static key => key.Key, static key => key.Sum(static total => total.Value));

    /// <summary>A coordinator that engines of several releases share, each through a window of its own.</summary>
    private sealed class Deployment : IAsyncDisposable
    {
        private readonly Coordinator _coordinator;
        private readonly string _prefix = SharedRedisServer.NewPrefix();
        private readonly List<Func<ValueTask>> _ends = [];
        private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

        private Deployment(Coordinator coordinator)
        {
            _coordinator = coordinator;
            _limit.CancelAfter(TimeSpan.FromMinutes(2));
        }

        public CancellationToken Cancellation => _limit.Token;

        public static async Task<Deployment> StartAsync(PrivateRedisServer? server) =>
            new(server is null ? new InProcessCoordinator() : await RedisCoordinator.ConnectAsync(new RedisOptions { server.Url }, null, TestContext.Current.CancellationToken));

        public async Task<Release<TValue, TEvent>> StartAsync<TValue, TEvent>(
            AggregateDefinition<string, TValue, TEvent> definition, Func<long, TEvent> contribution, Func<TValue, long> hits, bool completes)
            where TValue : class
            where TEvent : struct
        {
            AskingCoordinator window = new(_coordinator);
            SluiceEngine engine = await SluiceEngine.StartAsync(
                new EngineOptions
                {
                    Coordinator = window,
                    Prefix = _prefix,
                    Partitions = 4,
                    FlushInterval = TimeSpan.FromMilliseconds(20),
                    LeaseDuration = TimeSpan.FromSeconds(2),
                    SweepInterval = TimeSpan.FromMilliseconds(200),
                    SoftSession = null,
                    HardSession = null,
                },
                Cancellation);
            Release<TValue, TEvent> release = new(engine, window, contribution, Cancellation);
            release.Aggregator = engine.Aggregate(definition, !completes ? null : options => options.OnComplete = (completion, _) =>
            {
                release.Note(completion.Resource, hits(completion.Value), completion.Reason);
                return ValueTask.CompletedTask;
            });
            _ends.Add(engine.AbandonAsync);
            return release;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (Func<ValueTask> end in _ends)
                await end();
            await _coordinator.DisposeAsync();
            _limit.Dispose();
        }
    }

    /// <summary>One engine of one release.</summary>
    private sealed class Release<TValue, TEvent>(SluiceEngine engine, AskingCoordinator window, Func<long, TEvent> contribution, CancellationToken cancellation)
        where TValue : class
        where TEvent : struct
    {
        private readonly Lock _gate = new();
        private readonly List<(string Key, long Hits, CompletionReason Reason)> _completed = [];
        private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public SluiceEngine Engine => engine;

        public Aggregator<string, TValue, TEvent> Aggregator { get; set; } = null!;

        /// <summary>The fingerprints of which it asked for sessions.</summary>
        public IEnumerable<ulong> Asked => window.Claimed.Keys.Order();

        public ImmutableSortedDictionary<string, long> Totals
        {
            get
            {
                lock (_gate)
                    return Sum(_completed.Select(static done => KeyValuePair.Create(done.Key, done.Hits)));
            }
        }

        public IEnumerable<CompletionReason> Reasons
        {
            get
            {
                lock (_gate)
                    return [.. _completed.Select(static done => done.Reason)];
            }
        }

        public void Note(string key, long hits, CompletionReason reason)
        {
            lock (_gate)
            {
                _completed.Add((key, hits, reason));
                _more.TrySetResult();
            }
        }

        public async Task CompletedAsync(int count)
        {
            while (true)
            {
                Task more;
                lock (_gate)
                {
                    if (_completed.Count >= count)
                        return;
                    if (_more.Task.IsCompleted)
                        _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    more = _more.Task;
                }

                await more.WaitAsync(cancellation);
            }
        }

        /// <summary>Merges into every key, and returns when the coordinator has it.</summary>
        public async Task MergeAsync(int keys, long hits)
        {
            for (int key = 0; key < keys; key++)
                await Aggregator.MergeAsync($"key-{key}", contribution(hits), cancellation);
            await engine.FlushAsync(cancellation);
        }

        public async Task StopAsync()
        {
            ShutdownReport report = await engine.StopAsync(TimeSpan.FromMinutes(1), cancellation);
            Assert.True(report.IsClean, $"{report}");
        }

        public ValueTask AbandonAsync() => engine.AbandonAsync();
    }

    /// <summary>Notes which sessions are asked for.</summary>
    private sealed class AskingCoordinator(Coordinator inner) : Coordinator
    {
        public ConcurrentDictionary<ulong, bool> Claimed { get; } = new();

        internal override bool IsEphemeral => false;

        internal override string Servers => inner.Servers;

        internal override ValueTask<TReply> SendAsync<TReply>(
            CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation)
        {
            if (request is ClaimRequest)
                Claimed[space.Schema.Fingerprint] = true;
            return inner.SendAsync(space, partition, request, cancellation);
        }
    }
}
