using Npgsql;
using Sluice.Harness;
using Xunit;

namespace Sluice.Docs.Tests.Snippets;

[Aggregate("page-count")]
public partial class PageCount
{
    [Key] public partial string Page { get; }
    [Count] public partial long Views { get; }
    [Sum] public partial long Bytes { get; }
}

[Aggregate("visit")]
public partial class Visit
{
    [Key] public partial string Visitor { get; }
    [Count] public partial long Hits { get; }
    [Min] public partial DateTimeOffset Began { get; }
    [Max] public partial DateTimeOffset Ended { get; }
    [First] public partial string? Entry { get; }
    [Last] public partial string? Exit { get; }
}

[Aggregate("shop-day")]
public partial class ShopDay
{
    [Key] public partial string Shop { get; }
    [Window(3)] public partial ScoredView<long> Dearest { get; }
    [Distinct] public partial DistinctView Customers { get; }
    [Histogram(0.01)] public partial HistogramView Price { get; }
}

/// <summary>The recipes of docs/cookbook.md.</summary>
public sealed class CookbookTests
{
    private static readonly DogpileEntryOptions Hourly = new() { Expiry = TimeSpan.FromHours(1), StaleFor = TimeSpan.FromHours(2), ServeStaleOnError = true };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Counters()
    {
        CountStore store = new();
        await using (SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation))
        {
            var counts = engine.Aggregate(PageCount.Definition, options =>
            {
                options.SoftSession = TimeSpan.FromSeconds(20);
                options.HardSession = TimeSpan.FromMinutes(1);
                options.OnComplete = (page, lost) => store.AddAsync(page.Value.Page, page.Value.Views, page.IdempotencyKey);
            });

            counts.TryMerge("/home", new PageCount.Event { Bytes = 512 });
            Assert.True(counts.TryMerge("/home", new PageCount.Event { Bytes = 1 }));
        }

        Assert.Equal(2, store.Views["/home"]);
    }

    [Fact]
    public async Task Sessions()
    {
        List<Visit> done = [];
        await using (SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation))
        {
            Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = (visit, _) =>
            {
                lock (done)
                    done.Add(visit.Value);
                return ValueTask.CompletedTask;
            });
            DateTimeOffset at = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero), later = at.AddMinutes(5);
            visits.TryMerge("10.1.2.3", new Visit.Event { Began = at, Ended = at, Entry = new("/landing", at), Exit = new("/landing", at) });
            visits.TryMerge("10.1.2.3", new Visit.Event { Began = later, Ended = later, Entry = new("/cart", later), Exit = new("/cart", later) });
            await visits.ExpireAsync("10.1.2.3", Cancellation);
            await engine.FlushAsync(Cancellation);
            await engine.QuiesceAsync(Cancellation);
            Visit visit = Assert.Single(done);
            Assert.Equal((2L, at, later, "/landing", "/cart"), (visit.Hits, visit.Began, visit.Ended, visit.Entry, visit.Exit));
        }
    }

    [Fact]
    public async Task Top_n_and_uniques()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        Aggregator<string, ShopDay, ShopDay.Event> shops = engine.Aggregate(ShopDay.Definition);
        shops.TryMerge("berlin", new ShopDay.Event { Dearest = new Scored<long>(4711, 19.90), Customers = "ann", Price = 19.90 });
        await shops.FlushAsync(Cancellation);
        ShopDay? day = await shops.PeekAsync("berlin", Cancellation);
        Assert.Equal(1, day!.Customers.Count);
    }

    [Fact]
    public async Task Write_behind_to_sql()
    {
        Assert.SkipUnless(PrivatePostgresServer.Unavailable is null, PrivatePostgresServer.Unavailable ?? "");
        await using PrivatePostgresServer server = await PrivatePostgresServer.StartAsync(Cancellation);
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(server.ConnectionString);
        await using (NpgsqlCommand table = database.CreateCommand("CREATE TABLE visit (id text PRIMARY KEY, visitor text NOT NULL, hits bigint NOT NULL)"))
            await table.ExecuteNonQueryAsync(Cancellation);
        await using (SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation))
        {
            Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options =>
            {
                options.OnCompleteBatch = async (batch, lost) =>
                {
                    await using NpgsqlCommand insert = database.CreateCommand(
                        "INSERT INTO visit (id, visitor, hits) SELECT * FROM unnest($1, $2, $3) ON CONFLICT (id) DO NOTHING");
                    insert.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. batch.Select(visit => visit.IdempotencyKey)] });
                    insert.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. batch.Select(visit => visit.Value.Visitor)] });
                    insert.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. batch.Select(visit => visit.Value.Hits)] });
                    await insert.ExecuteNonQueryAsync(lost);
                };
            });
            for (int i = 0; i < 1_000; i++)
                Assert.True(visits.TryMerge($"visitor {i % 100}", default));
        }

        await using NpgsqlCommand sum = database.CreateCommand("SELECT sum(hits)::bigint FROM visit");
        Assert.Equal(1_000L, await sum.ExecuteScalarAsync(Cancellation));
    }

    [Fact]
    public async Task Leader_election()
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        CancellationToken stopping = over.Token;
        ReportWriter reports = new(over);
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        await engine.Locks.LeaderElection("nightly-report").RunAsync(async (leadership, lost) =>
        {
            while (!lost.IsCancellationRequested)
                await reports.WriteNextAsync(leadership.FencingToken, lost);
        }, stopping);
        Assert.Equal(3, reports.Written);
    }

    [Fact]
    public async Task Stampede_protection()
    {
        CancellationToken ct = Cancellation;
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), ct);
        string report = await engine.Dogpile.GetOrCreateAsync("report:7", token => BuildReportAsync(7, token), Hourly, ct);
        Assert.Equal("report 7", report);
    }

    [Fact]
    public async Task Events_of_a_broker()
    {
        CancellationToken ct = Cancellation;
        Broker broker = new();
        Queue<Message> inFlight = new();
        Message[] delivered = [.. Enumerable.Range(1, 10).Select(static i => new Message("ann", DateTimeOffset.UnixEpoch.AddSeconds(i), i))];
        Array.ForEach(delivered, inFlight.Enqueue);
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), ct);
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition);

        EventSource source = engine.OpenSource("clicks-0", AckMode.AfterFlush, OnFenced.Discard, start: 1);
        foreach (Message message in delivered)
            await visits.MergeAsync(message.Visitor, new Visit.Event { Ended = message.At }, source.At(message.Position), ct);
        source.Advance(delivered[^1].Position);
        await engine.FlushAsync(ct);

        while (inFlight.TryPeek(out Message? oldest) && oldest.Position <= source.Watermark)
            broker.Acknowledge(inFlight.Dequeue());
        Assert.Equal(10, broker.Acknowledged);
    }

    private static ValueTask<string> BuildReportAsync(int number, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return ValueTask.FromResult($"report {number}");
    }

    private sealed record Message(string Visitor, DateTimeOffset At, long Position);

    private sealed class Broker
    {
        public int Acknowledged { get; private set; }

        public void Acknowledge(Message message) => Acknowledged += message.Position > 0 ? 1 : 0;
    }

    private sealed class CountStore
    {
        private readonly HashSet<string> _seen = [];

        public Dictionary<string, long> Views { get; } = [];

        public ValueTask AddAsync(string page, long views, string idempotencyKey)
        {
            lock (_seen)
            {
                if (_seen.Add(idempotencyKey))
                    Views[page] = Views.GetValueOrDefault(page) + views;
            }

            return ValueTask.CompletedTask;
        }
    }

    private sealed class ReportWriter(CancellationTokenSource over)
    {
        public int Written { get; private set; }

        public async Task WriteNextAsync(long token, CancellationToken lost)
        {
            Assert.True(token > 0);
            lost.ThrowIfCancellationRequested();
            if (++Written == 3)
                await over.CancelAsync();
        }
    }
}
