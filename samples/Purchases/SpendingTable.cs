using Npgsql;

namespace Sluice.Samples.Purchases;

/// <summary>
/// Where sessions go: one row for each customer, one statement for hundreds of sessions. A session adds what the row has not counted yet, so a delivery that is repeated, and a session that has events of an earlier
/// one because its broker has delivered them again, add nothing twice.
/// </summary>
/// <remarks>
/// <para>The row knows the positions that it has counted, as ranges: one from the beginning up to where nothing comes again (<see cref="CustomerSpending.Settled"/>), and behind it those of what may have been in
/// flight. A row has as many ranges as the brokers have messages of that customer in flight, and not more with time.</para>
/// <para>Why <c>Settled</c> may be counted as a whole. It comes with an event of the session that is written. What was acknowledged before that event was merged, the coordinator had before, in this session or in an
/// earlier one; and sessions of a customer are written in their order. So every purchase of this customer up to there has been counted.</para>
/// </remarks>
/// <param name="database">The database.</param>
public sealed class SpendingTable(NpgsqlDataSource database)
{
    private const string Schema =
        """
        CREATE TABLE IF NOT EXISTS spending
        (
            customer text PRIMARY KEY,
            purchases bigint NOT NULL,
            cents bigint NOT NULL,
            deliveries bigint NOT NULL,
            counted int8multirange NOT NULL,
            session text NOT NULL,
            token bigint NOT NULL
        )
        """;

    // The purchases that count are found while the row is locked, from parameters only: two processes that write the same customer at the same time do it one after the other, and the second sees what the first
    // has counted. Rows are taken in one order, so they don't wait for each other in a circle.
    // The fence is the token: what does not have a higher one than the row is late, and somebody else has written it. The idempotency key guards what only adds: a session that is delivered again, with a higher
    // token because its process has died, is the customer's last one. The set of positions guards against the broker, which neither key nor token know of.
    private const string Add =
        """
        WITH event AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS event (customer, position, cents))
        INSERT INTO spending AS known (customer, purchases, cents, deliveries, counted, session, token)
        SELECT customer, count(*), sum(event.cents)::bigint, deliveries, range_agg(int8range(position, position, '[]')) + int8multirange(int8range(NULL, settled, '[]')), key, token
        FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[]) AS session (customer, deliveries, settled, key, token) JOIN event USING (customer)
        GROUP BY customer, deliveries, settled, key, token
        ORDER BY customer
        ON CONFLICT (customer) DO UPDATE SET
            (purchases, cents) =
            (
                SELECT known.purchases + count(*), known.cents + coalesce(sum(event.cents), 0)::bigint
                FROM event WHERE event.customer = known.customer AND NOT known.counted @> event.position
            ),
            deliveries = known.deliveries + CASE WHEN known.session = excluded.session THEN 0 ELSE excluded.deliveries END,
            counted = known.counted + excluded.counted,
            session = excluded.session,
            token = excluded.token
        WHERE known.token < excluded.token
        """;

    /// <summary>Makes the table unless it is there.</summary>
    /// <param name="cancellation">Gives up.</param>
    public async Task CreateAsync(CancellationToken cancellation = default)
    {
        await using NpgsqlCommand create = database.CreateCommand(Schema);
        await create.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>Writes sessions, all of them or none: for <see cref="AggregateOptions{TValue}.OnCompleteBatch"/>.</summary>
    /// <param name="sessions">Of different customers: a customer's next session is not handed out before this one was written.</param>
    /// <param name="lost">Somebody else has taken the sessions over.</param>
    public async ValueTask WriteAsync(IReadOnlyList<Completion<CustomerSpending>> sessions, CancellationToken lost) =>
        await WriteAsync([.. sessions.Select(static session => (session.Value, session.IdempotencyKey, session.FencingToken))], lost);

    /// <summary>Writes what sessions amount to.</summary>
    /// <param name="sessions">With their idempotency keys and tokens.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task WriteAsync(IReadOnlyList<(CustomerSpending Value, string Key, long Token)> sessions, CancellationToken cancellation)
    {
        await using NpgsqlCommand add = database.CreateCommand(Add);
        Bind<string>(sessions.SelectMany(static session => session.Value.Purchases.Items.Select(_ => session.Value.Customer)));
        Bind<long>(sessions.SelectMany(static session => session.Value.Purchases.Items.Select(static purchase => purchase.Position)));
        Bind<long>(sessions.SelectMany(static session => session.Value.Purchases.Items.Select(static purchase => purchase.Cents)));
        Bind<string>(sessions.Select(static session => session.Value.Customer));
        Bind<long>(sessions.Select(static session => session.Value.Deliveries));
        Bind<long>(sessions.Select(static session => session.Value.Settled));
        Bind<string>(sessions.Select(static session => session.Key));
        Bind<long>(sessions.Select(static session => session.Token));
        await add.ExecuteNonQueryAsync(cancellation);

        void Bind<T>(IEnumerable<T> column) => add.Parameters.Add(new NpgsqlParameter<T[]> { TypedValue = [.. column] });
    }
}
