using System.Globalization;
using Npgsql;
using Sluice.Harness;
using Sluice.Samples.Purchases;
using Xunit;

namespace Sluice.Samples.Tests.Purchases;

/// <summary>The sample's program as a service runs it, in processes that may be killed, with servers around it and a ledger of what its totals have to be.</summary>
internal sealed class PurchaseStage : IAsyncDisposable
{
    private const int Customers = 40;
    private const int Partitions = 4;
    private const string Lease = "00:00:01";
    private static readonly string Program = typeof(CustomerSpending).Assembly.Location;

    private readonly List<ProcessHost> _processes = [];
    private readonly string _redis;
    private readonly string _address;
    private readonly NpgsqlDataSource _database;
    private readonly Dictionary<string, (long Purchases, long Cents)> _expected = new(StringComparer.Ordinal);

    private PurchaseStage(string name, string redis, string address)
    {
        (Name, _redis, _address) = (name, redis, address);
        _database = NpgsqlDataSource.Create(address);
    }

    /// <summary>Of everything that is this test's own.</summary>
    public string Name { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<PurchaseStage> StartAsync(PurchaseServers servers)
    {
        string name = PurchaseServers.NewName();
        return new PurchaseStage(name, (await servers.RedisAsync()).Url, await servers.DatabaseAsync(name));
    }

    /// <summary>Makes purchases, and writes down what they amount to.</summary>
    public List<(string Customer, long Cents)> Buy(int count, Random random)
    {
        List<(string Customer, long Cents)> purchases = [];
        for (int i = 0; i < count; i++)
        {
            // A few customers buy most, and some things are returned.
            string customer = $"customer-{(int)(Customers * Math.Pow(random.NextDouble(), 3))}";
            long cents = random.Next(-2_000, 10_000);
            (long purchases, long cents) known = _expected.GetValueOrDefault(customer);
            _expected[customer] = (known.purchases + 1, known.cents + cents);
            purchases.Add((customer, cents));
        }

        return purchases;
    }

    /// <summary>Starts a consumer; returns when its host has started.</summary>
    public async Task<ProcessHost> ConsumeAsync(params string[] settings)
    {
        ProcessHost process = ProcessHost.StartDotnet(Program,
        [
            "--ConnectionStrings:Spending", _address, "--Sluice:Redis", _redis, "--Sluice:Prefix", Name, "--Sluice:Partitions", Partitions.ToString(CultureInfo.InvariantCulture),
            "--Sluice:FlushInterval", "00:00:00.050", "--Sluice:LeaseDuration", Lease, "--Sluice:ClaimLease", Lease, "--Sluice:SoftSession", "00:00:00.300", "--Sluice:HardSession", "00:00:01", .. settings,
        ]);
        _processes.Add(process);
        await process.ReadLineWithAsync("Application started", Cancellation);
        return process;
    }

    /// <summary>Dies where it stands, and returns when it is gone.</summary>
    public static async Task KillAsync(ProcessHost process)
    {
        process.Kill();
        await process.ExitCode.WaitAsync(Cancellation);
    }

    /// <summary>Asks it to end in its own way.</summary>
    public static async Task StopAsync(ProcessHost process)
    {
        process.Terminate();
        int status = await process.ExitCode.WaitAsync(Cancellation);
        Assert.True(status == 0, $"Status {status}:\n{process.Transcript}");
    }

    /// <summary>Returns when as many purchases are in the database as were made, or more.</summary>
    public Task WhenWrittenAsync() => Eventually.UntilAsync(async () => await SumAsync("purchases") >= _expected.Values.Sum(static customer => customer.Purchases), Cancellation);

    /// <summary>How many deliveries are in the database.</summary>
    public Task<long> DeliveriesAsync() => SumAsync("deliveries");

    /// <summary>Lets what is still with the coordinator, of the dead too, reach the database, so that nothing that was counted twice stays hidden; then compares every customer.</summary>
    public async Task AssertExactAsync()
    {
        EngineOptions options = new() { Redis = { _redis }, Prefix = Name, Partitions = Partitions, LeaseDuration = TimeSpan.Parse(Lease, CultureInfo.InvariantCulture) };
        await using (SluiceEngine engine = await SluiceEngine.StartAsync(options, Cancellation))
        {
            Aggregator<string, CustomerSpending, CustomerSpending.Event> spending =
                engine.Aggregate(CustomerSpending.Definition, aggregate => aggregate.OnCompleteBatch = new SpendingTable(_database).WriteAsync);
            foreach (string customer in _expected.Keys)
                await Eventually.UntilAsync(async () => await spending.PeekAsync(customer, Cancellation) is null, Cancellation);
            await engine.QuiesceAsync(Cancellation);
        }

        Dictionary<string, (long Purchases, long Cents)> found = new(StringComparer.Ordinal);
        await using NpgsqlCommand read = _database.CreateCommand("SELECT customer, purchases, cents FROM spending");
        await using NpgsqlDataReader rows = await read.ExecuteReaderAsync(Cancellation);
        while (await rows.ReadAsync(Cancellation))
            found.Add(rows.GetString(0), (rows.GetInt64(1), rows.GetInt64(2)));
        Assert.Equal(_expected.OrderBy(static customer => customer.Key, StringComparer.Ordinal), found.OrderBy(static customer => customer.Key, StringComparer.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ProcessHost process in _processes)
            await process.DisposeAsync();
        await _database.DisposeAsync();
    }

    private async Task<long> SumAsync(string column)
    {
        await using NpgsqlCommand read = _database.CreateCommand($"SELECT coalesce(sum({column}), 0)::bigint FROM spending");
        return (long)(await read.ExecuteScalarAsync(Cancellation))!;
    }
}
