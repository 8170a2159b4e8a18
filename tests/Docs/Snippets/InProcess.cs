using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Sluice.Docs.Tests.Snippets.InProcess;

/// <summary>The code of docs/locks.md, docs/dogpile.md, docs/migration.md and docs/hosting.md that needs no server.</summary>
public sealed class InProcessTests
{
    private static readonly DogpileEntryOptions Hourly = new() { Expiry = TimeSpan.FromHours(1) };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lock_and_its_token()
    {
        CancellationToken ct = Cancellation;
        Invoices invoices = new();
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), ct);

        await using LockHandle held = await engine.Locks.Mutex("invoice 7").AcquireAsync(TimeSpan.FromSeconds(5), ct);
        await invoices.TrySetAsync(7, "paid", held.FencingToken, held.LostToken);

        Assert.Equal("paid", invoices.State.Value);
    }

    [Fact]
    public async Task A_value_that_one_caller_creates()
    {
        CancellationToken ct = Cancellation;
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), ct);

        Dogpile<Report> dogpile = new(new DogpileOptions { Expiry = TimeSpan.FromHours(1) });
        using DogpileScope<Report> scope = await dogpile.AcquireAsync(token => BuildReportAsync(token), ct);

        Report report = await engine.Dogpile.GetOrCreateAsync("report:7", token => BuildReportAsync(7, token), Hourly, ct);

        Assert.Equal((0, 7), (scope.Value.Number, report.Number));
    }

    [Fact]
    public async Task A_source_and_its_watermark()
    {
        CancellationToken cancellation = Cancellation;
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), cancellation);
        Aggregator<string, PageCount, PageCount.Event> sessions = engine.Aggregate(PageCount.Definition);
        (string key, PageCount.Event contribution, long position) = ("/a", new PageCount.Event { Bytes = 1 }, 1);
        Message message = new(position);

        EventSource source = engine.OpenSource("orders-0", AckMode.AfterFlush, OnFenced.Discard, start: 1);
        await sessions.MergeAsync(key, contribution, source.At(position), cancellation);

        source.Advance(position);
        await engine.FlushAsync(cancellation);
        if (message.Position <= source.Watermark)
            message.Finish();
        Assert.True(message.IsFinished);
    }

    [Fact]
    public async Task An_engine_in_a_host()
    {
        string[] args = ["--Sluice:Preset=Latency"];
        VisitStore store = new();

        HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
        builder.Services.AddSluice(builder.Configuration.GetSection("Sluice"))
            .AddAggregate(Visit.Definition, (options, services) => options.OnComplete = services.GetRequiredService<VisitStore>().SaveAsync)
            .AddHealthChecks();
        builder.Services.AddHostedService<VisitConsumer>();

        builder.Services.AddSingleton(store);
        builder.Logging.ClearProviders();

        await builder.Build().RunAsync();

        Assert.Equal(1, store.Saved);
    }

    private static ValueTask<Report> BuildReportAsync(CancellationToken cancellation) => BuildReportAsync(0, cancellation);

    private static ValueTask<Report> BuildReportAsync(int number, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return ValueTask.FromResult(new Report(number));
    }

    private sealed record Report(int Number);

    private sealed class Message(long position)
    {
        public long Position => position;

        public bool IsFinished { get; private set; }

        public void Finish() => IsFinished = true;
    }

    private sealed class Invoices
    {
        public FencedRegister<string> State { get; } = new("open");

        public Task<bool> TrySetAsync(long id, string state, long token, CancellationToken lost)
        {
            lost.ThrowIfCancellationRequested();
            return Task.FromResult(id == 7 && State.TryWrite(token, state));
        }
    }

    private sealed class VisitStore
    {
        private int _saved;

        public int Saved => _saved;

        public ValueTask SaveAsync(Completion<Visit> visit, CancellationToken lost)
        {
            lost.ThrowIfCancellationRequested();
            Interlocked.Add(ref _saved, (int)visit.Value.Hits);
            return ValueTask.CompletedTask;
        }
    }

    private sealed class VisitConsumer(IAggregator<string, Visit, Visit.Event> visits, IHostApplicationLifetime lifetime) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await visits.MergeAsync("ann", default, stoppingToken);
            lifetime.StopApplication();
        }
    }
}
