using Npgsql;
using Sluice.Harness;
using Sluice.Samples.Locking;
using Xunit;

namespace Sluice.Samples.Tests;

/// <summary>The SQL recipe, against a real server.</summary>
public sealed class FencedInvoicesTests : IAsyncLifetime
{
    private PrivatePostgresServer? _server;
    private NpgsqlDataSource? _source;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private FencedInvoices Invoices => new(_source!);

    public async ValueTask InitializeAsync()
    {
        if (PrivatePostgresServer.Unavailable is not null)
            return;
        _server = await PrivatePostgresServer.StartAsync(Cancellation);
        _source = NpgsqlDataSource.Create(_server.ConnectionString);
        await using NpgsqlCommand schema = _source.CreateCommand(FencedInvoices.Schema);
        await schema.ExecuteNonQueryAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_source is not null)
            await _source.DisposeAsync();
        if (_server is not null)
            await _server.DisposeAsync();
    }

    // Prevents: a holder that was paused before its write undoing the write of the one that replaced it.
    [Fact]
    public async Task A_row_takes_writes_of_the_newest_holder_and_refuses_older_ones()
    {
        SkipWithoutServer();
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        LockHandle old = await engine.Locks.Mutex("invoice 7").AcquireAsync(cancellation: Cancellation);
        await old.ReleaseAsync(Cancellation);
        await using LockHandle held = await engine.Locks.Mutex("invoice 7").AcquireAsync(cancellation: Cancellation);

        Assert.True(await Invoices.TrySetAsync(7, "open", held.FencingToken, held.LostToken));
        Assert.True(await Invoices.TrySetAsync(7, "paid", held.FencingToken, held.LostToken));
        Assert.False(await Invoices.TrySetAsync(7, "cancelled", old.FencingToken, Cancellation));
        Assert.Equal("paid", await StateAsync(7));
    }

    // Prevents: a transaction of a replaced holder that began before, and commits after, the one of the new holder. The fence's row is locked until the commit, so the two can't overlap.
    [Fact]
    public async Task A_transaction_behind_a_fence_is_before_the_new_holder_s_or_is_refused()
    {
        SkipWithoutServer();
        TaskCompletionSource isInside = new(TaskCreationOptions.RunContinuationsAsynchronously), goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<bool> old = Invoices.TryInTransactionAsync("books", 1, async (connection, cancellation) =>
        {
            isInside.SetResult();
            await goOn.Task;
            await SetAsync(connection, "old", cancellation);
        }, Cancellation);
        await isInside.Task;

        Task<bool> next = Invoices.TryInTransactionAsync("books", 2, (connection, cancellation) => SetAsync(connection, "new", cancellation), Cancellation);
        goOn.SetResult();

        Assert.True(await old);
        Assert.True(await next);
        Assert.Equal("new", await StateAsync(1));
        Assert.False(await Invoices.TryInTransactionAsync("books", 1, (connection, cancellation) => SetAsync(connection, "late", cancellation), Cancellation));
        Assert.Equal("new", await StateAsync(1));

        static async Task SetAsync(NpgsqlConnection connection, string state, CancellationToken cancellation)
        {
            await using NpgsqlCommand set = new("INSERT INTO invoice VALUES (1, $1, 0) ON CONFLICT (id) DO UPDATE SET state = excluded.state", connection);
            set.Parameters.Add(new NpgsqlParameter<string> { TypedValue = state });
            await set.ExecuteNonQueryAsync(cancellation);
        }
    }

    private static void SkipWithoutServer() => Assert.SkipUnless(PrivatePostgresServer.Unavailable is null, PrivatePostgresServer.Unavailable ?? "");

    private async Task<string> StateAsync(long id)
    {
        await using NpgsqlCommand read = _source!.CreateCommand("SELECT state FROM invoice WHERE id = $1");
        read.Parameters.Add(new NpgsqlParameter<long> { TypedValue = id });
        return (string)(await read.ExecuteScalarAsync(Cancellation))!;
    }
}
