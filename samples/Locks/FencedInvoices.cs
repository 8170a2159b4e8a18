using Npgsql;

namespace Sluice.Samples.Locking;

/// <summary>
/// Fencing in SQL, in its two forms. A row that has its own fence takes the write and compares in one statement. A transaction that touches whatever it likes first raises a fence in a table of fences:
/// the row stays locked until it commits, so a holder that has been replaced either committed before the new one began, or is refused.
/// </summary>
public sealed class FencedInvoices(NpgsqlDataSource source)
{
    /// <summary>What the tables look like.</summary>
    public const string Schema =
        """
        CREATE TABLE IF NOT EXISTS invoice (id bigint PRIMARY KEY, state text NOT NULL, fence bigint NOT NULL);
        CREATE TABLE IF NOT EXISTS fence (name text PRIMARY KEY, token bigint NOT NULL);
        """;

    // "<=": a holder may write as often as it likes. With "<" it may write once, which is what a repeated delivery wants.
    private const string SetState =
        """
        INSERT INTO invoice (id, state, fence) VALUES ($1, $2, $3)
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, fence = excluded.fence WHERE invoice.fence <= excluded.fence
        """;

    private const string Raise =
        """
        INSERT INTO fence (name, token) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET token = excluded.token WHERE fence.token <= excluded.token
        """;

    /// <summary>One row, one statement.</summary>
    /// <param name="id">The invoice.</param>
    /// <param name="state">Its new state.</param>
    /// <param name="token">The <see cref="LockHandle.FencingToken"/> of whoever writes.</param>
    /// <param name="cancellation">The handle's LostToken, best: it saves the trip. The fence is what makes it right.</param>
    /// <returns>False: refused, somebody with a higher token has written.</returns>
    public async Task<bool> TrySetAsync(long id, string state, long token, CancellationToken cancellation = default)
    {
        await using NpgsqlCommand command = source.CreateCommand(SetState);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = id });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = state });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = token });
        return await command.ExecuteNonQueryAsync(cancellation) == 1;
    }

    /// <summary>Any number of statements, in a transaction behind a fence.</summary>
    /// <param name="lockName">The lock's name, as the fence's.</param>
    /// <param name="token">The holder's.</param>
    /// <param name="work">What to do in the transaction.</param>
    /// <param name="cancellation">The handle's LostToken, best.</param>
    /// <returns>False: refused, <paramref name="work"/> was not called.</returns>
    public async Task<bool> TryInTransactionAsync(string lockName, long token, Func<NpgsqlConnection, CancellationToken, Task> work, CancellationToken cancellation = default)
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellation);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellation);
        await using (NpgsqlCommand raise = new(Raise, connection, transaction))
        {
            raise.Parameters.Add(new NpgsqlParameter<string> { TypedValue = lockName });
            raise.Parameters.Add(new NpgsqlParameter<long> { TypedValue = token });
            if (await raise.ExecuteNonQueryAsync(cancellation) == 0)
                return false;
        }

        await work(connection, cancellation);
        await transaction.CommitAsync(cancellation);
        return true;
    }
}
