using Xunit;

namespace Sluice.Docs.Tests.Snippets.Migration;

[Aggregate("user")]
public partial class User
{
    [Key] public partial string Id { get; }
    [Sum] public partial long Views { get; }
}

[Aggregate("session")]
public partial class Session
{
    [Key] public partial string Id { get; }
    [Sum] public partial long Clicks { get; }
    [Window(10)] public partial WindowView<string> Pages { get; }
}

/// <summary>The code of docs/migration.md, beside that of InProcess.cs.</summary>
public sealed class MigrationTests
{
    private static readonly DogpileEntryOptions Hourly = new() { Expiry = TimeSpan.FromHours(1) };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Updates_of_phonon_1()
    {
        Written database = new();
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);

        var users = engine.Aggregate(User.Definition, options =>
        {
            options.Capacity = 1000;
            options.OnComplete = (user, lost) => database.SaveAsync(user.Resource, user.Value.Views, user.IdempotencyKey);
        });

        users.TryMerge("ann", new User.Event { Views = 1 });
        await users.ExpireAllAsync();

        await engine.QuiesceAsync(Cancellation);
        Assert.Equal(["ann"], database.Names);
    }

    [Fact]
    public async Task References_of_disref()
    {
        Written files = new();
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);

        IReferenceSet uploads = engine.References("uploads", (last, lost) => files.RemoveAsync(last.Key, lost));

        Reference reference = await uploads.AcquireAsync("upload-7");
        await reference.ReleaseAsync();

        await engine.QuiesceAsync(Cancellation);
        Assert.Equal(["upload-7"], files.Names);
    }

    [Fact]
    public async Task Models_of_phonon_2()
    {
        CancellationToken cancellation = Cancellation;
        (string user, DateTimeOffset now, long position) = ("ann", DateTimeOffset.UnixEpoch.AddDays(20_000), 1);
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), cancellation);
        Aggregator<string, Session, Session.Event> sessions = engine.Aggregate(Session.Definition);
        EventSource source = engine.OpenSource("orders-0", start: 1);

        await sessions.MergeAsync(user, new Session.Event { Clicks = 1, Pages = new("/a", now) }, source.At(position), cancellation);

        await engine.FlushAsync(cancellation);
        Assert.Equal(("/a", 1L), ((await sessions.PeekAsync(user, cancellation))!.Pages[0], (await sessions.PeekAsync(user, cancellation))!.Clicks));
    }

    [Fact]
    public async Task Dogpile()
    {
        CancellationToken ct = Cancellation;
        List<int> used = [];
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), ct);

        Dogpile<Report> dogpile = new(new DogpileOptions { Expiry = TimeSpan.FromHours(1) });
        using (DogpileScope<Report> scope = await dogpile.AcquireAsync(token => BuildReportAsync(token), ct))
            Use(scope.Value);

        Report report = await engine.Dogpile.GetOrCreateAsync("report:7", token => BuildReportAsync(7, token), Hourly, ct);
        await engine.Dogpile.InvalidateAsync(Invalidation.Soft, ct);

        Use(report);
        Assert.Equal([0, 7], used);

        void Use(Report made) => used.Add(made.Number);
    }

    [Fact]
    public async Task Locks_of_kazurator()
    {
        List<long> tokens = [];
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);

        await using (LockHandle held = await engine.Locks.Mutex("invoices/7").AcquireAsync())
            await PayAsync(7, held.FencingToken, held.LostToken);

        IReaderWriterLock prices = engine.Locks.ReaderWriterLock("prices");
        await using (ReaderWriterLockHandle reading = await prices.AcquireAsync(LockAccess.Read))
            await ReadPricesAsync(reading.LostToken);
        await using (ReaderWriterLockHandle writing = await prices.AcquireAsync(LockAccess.Write))
            await WritePricesAsync(writing.FencingToken, writing.LostToken);

        Assert.Equal(2, tokens.Count);

        ValueTask PayAsync(int invoice, long token, CancellationToken lost) => WritePricesAsync(invoice == 7 ? token : 0, lost);

        static ValueTask ReadPricesAsync(CancellationToken lost)
        {
            lost.ThrowIfCancellationRequested();
            return ValueTask.CompletedTask;
        }

        ValueTask WritePricesAsync(long token, CancellationToken lost)
        {
            Assert.True(token > 0 && !lost.IsCancellationRequested);
            tokens.Add(token);
            return ValueTask.CompletedTask;
        }
    }

    private static ValueTask<Report> BuildReportAsync(CancellationToken cancellation) => BuildReportAsync(0, cancellation);

    private static ValueTask<Report> BuildReportAsync(int number, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return ValueTask.FromResult(new Report(number));
    }

    private sealed record Report(int Number);

    private sealed class Written
    {
        public List<string> Names { get; } = [];

        public ValueTask SaveAsync(string name, long views, string idempotencyKey)
        {
            Assert.True(views > 0 && idempotencyKey.Length > 0);
            lock (Names)
                Names.Add(name);
            return ValueTask.CompletedTask;
        }

        public ValueTask RemoveAsync(string name, CancellationToken lost)
        {
            lost.ThrowIfCancellationRequested();
            return SaveAsync(name, 1, name);
        }
    }
}
