using Npgsql;
using Sluice.Samples.Purchases;
using Xunit;

namespace Sluice.Samples.Tests.Purchases;

/// <summary>The upsert, against a real server: whatever comes again, late or at the same time, each purchase is in the totals once.</summary>
public sealed class SpendingTableTests(PurchaseServers servers)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // A delivery that is repeated: to the same process after its reply was lost, or to another one, with a higher token, after it has died.
    [Fact]
    public async Task A_session_that_is_delivered_again_adds_nothing()
    {
        await using NpgsqlDataSource database = await OpenAsync();
        SpendingTable table = new(database);
        CustomerSpending session = await SessionAsync(settled: 0, (1, 100), (2, 250));

        await table.WriteAsync([(session, "ann@1", 5)], Cancellation);
        await table.WriteAsync([(session, "ann@1", 5)], Cancellation);
        await table.WriteAsync([(session, "ann@1", 9)], Cancellation);

        Assert.Equal((2, 350, 9), await RowAsync(database));
        Assert.Equal(2, await ScalarAsync<long>(database, "SELECT deliveries FROM spending"));
    }

    // A process that stood still before its write, and has been replaced.
    [Fact]
    public async Task A_write_with_a_lower_token_changes_nothing()
    {
        await using NpgsqlDataSource database = await OpenAsync();
        SpendingTable table = new(database);
        await table.WriteAsync([(await SessionAsync(settled: 0, (1, 100)), "ann@2", 5)], Cancellation);
        await table.WriteAsync([(await SessionAsync(settled: 0, (7, 700)), "ann@1", 4)], Cancellation);
        Assert.Equal((1, 100, 5), await RowAsync(database));
    }

    // The interleaving that idempotency keys don't see: an event is in a session that has been written; its broker delivers it again; it comes in the next session, which has a key of its own.
    [Fact]
    public async Task Events_of_an_earlier_session_are_not_counted_again()
    {
        await using NpgsqlDataSource database = await OpenAsync();
        SpendingTable table = new(database);
        await table.WriteAsync([(await SessionAsync(settled: 0, (1, 100), (2, 200), (3, 300)), "ann@1", 5)], Cancellation);
        await table.WriteAsync([(await SessionAsync(settled: 0, (2, 200), (4, 400)), "ann@2", 6)], Cancellation);
        await table.WriteAsync([(await SessionAsync(settled: 0, (2, 200), (3, 300)), "ann@3", 7)], Cancellation);
        Assert.Equal(7, await ScalarAsync<long>(database, "SELECT deliveries FROM spending"));
        Assert.Equal((4, 1_000, 7), await RowAsync(database));
    }

    // Prevents: a row that grows with every purchase for ever.
    [Fact]
    public async Task What_never_comes_again_is_one_range_and_still_counts_as_seen()
    {
        await using NpgsqlDataSource database = await OpenAsync();
        SpendingTable table = new(database);
        for (int i = 0; i < 20; i++)
            await table.WriteAsync([(await SessionAsync(settled: (10 * i) - 15, ((10 * i) + 1, 100), ((10 * i) + 5, 100)), $"ann@{i}", i + 1)], Cancellation);
        Assert.Equal((40, 4_000, 20), await RowAsync(database));
        Assert.InRange(await ScalarAsync<int>(database, "SELECT (SELECT count(*) FROM unnest(counted))::int FROM spending"), 1, 5);

        await table.WriteAsync([(await SessionAsync(settled: 0, (1, 100), (171, 100), (191, 100)), "ann@20", 21)], Cancellation);
        Assert.Equal((40, 4_000, 21), await RowAsync(database));
    }

    // Two processes that both believe that they hold the claim. Whoever comes second sees what the first has counted, and not what was there when its statement began.
    [Fact]
    public async Task Writers_at_the_same_time_do_it_one_after_the_other()
    {
        await using NpgsqlDataSource database = await OpenAsync();
        SpendingTable table = new(database);
        CustomerSpending[] sessions = [.. await Task.WhenAll(Enumerable.Range(0, 16).Select(i => SessionAsync(settled: 0, (i + 1, 100), (i + 2, 100))))];

        await Task.WhenAll(sessions.Select((session, i) => Task.Run(() => table.WriteAsync([(session, $"ann@{i}", 100 + i)], Cancellation), Cancellation)));
        for (int i = 0; i < sessions.Length; i++)
            await table.WriteAsync([(sessions[i], $"ann@{i + 100}", 200 + i)], Cancellation);

        Assert.Equal((17, 1_700, 215), await RowAsync(database));
    }

    private async Task<NpgsqlDataSource> OpenAsync()
    {
        NpgsqlDataSource database = NpgsqlDataSource.Create(await servers.DatabaseAsync(PurchaseServers.NewName()));
        await new SpendingTable(database).CreateAsync(Cancellation);
        return database;
    }

    /// <summary>What an engine hands out for these purchases.</summary>
    private static async Task<CustomerSpending> SessionAsync(long settled, params (long Position, long Cents)[] purchases)
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        Aggregator<string, CustomerSpending, CustomerSpending.Event> spending = engine.Aggregate(CustomerSpending.Definition);
        foreach ((long position, long cents) in purchases)
            Assert.True(spending.TryMerge("ann", new CustomerSpending.Event { Purchases = CountedPurchases.Of(new Purchase(position, "ann", cents)), Settled = settled }));
        await spending.FlushAsync(Cancellation);
        return (await spending.PeekAsync("ann", Cancellation))!;
    }

    private static async Task<(long Purchases, long Cents, long Token)> RowAsync(NpgsqlDataSource database)
    {
        await using NpgsqlCommand read = database.CreateCommand("SELECT purchases, cents, token FROM spending");
        await using NpgsqlDataReader row = await read.ExecuteReaderAsync(Cancellation);
        Assert.True(await row.ReadAsync(Cancellation));
        return (row.GetInt64(0), row.GetInt64(1), row.GetInt64(2));
    }

    private static async Task<T> ScalarAsync<T>(NpgsqlDataSource database, string query)
    {
        await using NpgsqlCommand read = database.CreateCommand(query);
        return (T)(await read.ExecuteScalarAsync(Cancellation))!;
    }
}
