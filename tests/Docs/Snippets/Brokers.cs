using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Sluice.Harness;
using Xunit;

namespace Sluice.Docs.Tests.Snippets.Brokers;

[Aggregate("account")]
public partial class Account
{
    [Key] public partial string Number { get; }
    [Opaque] public partial Postings Posted { get; }
    [Max] public partial long Settled { get; }
}

public sealed record Postings(ImmutableSortedDictionary<long, long> Cents) : IOpaqueState<Postings>
{
    public static Postings Empty { get; } = new(ImmutableSortedDictionary<long, long>.Empty);
    public static Postings Merge(Postings earlier, Postings later) => new(earlier.Cents.SetItems(later.Cents));
    public static void Write(Postings state, IBufferWriter<byte> output) => output.Write(JsonSerializer.SerializeToUtf8Bytes(state.Cents));
    public static Postings Read(ReadOnlySpan<byte> bytes) => new(JsonSerializer.Deserialize<ImmutableSortedDictionary<long, long>>(bytes)!);
}

[Aggregate("broker-visit")]
public partial class Visit
{
    [Key] public partial string Visitor { get; }
    [Sum] public partial long Hits { get; }
}

/// <summary>What docs/hosting.md and docs/cookbook.md say about brokers.</summary>
public sealed class BrokersTests
{
    private const string Add =
        """
        WITH event AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS event (number, position, cents))
        INSERT INTO account AS known (number, cents, counted, token)
        SELECT number, sum(event.cents)::bigint, range_agg(int8range(position, position, '[]')) + int8multirange(int8range(NULL, settled, '[]')), token
        FROM unnest($4::text[], $5::bigint[], $6::bigint[]) AS session (number, settled, token) JOIN event USING (number)
        GROUP BY number, settled, token ORDER BY number
        ON CONFLICT (number) DO UPDATE SET
            cents = known.cents + (SELECT coalesce(sum(event.cents), 0)::bigint FROM event WHERE event.number = known.number AND NOT known.counted @> event.position),
            counted = known.counted + excluded.counted,
            token = excluded.token
        WHERE known.token < excluded.token
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Exactly_once_from_a_broker_that_delivers_again()
    {
        Assert.SkipUnless(PrivatePostgresServer.Unavailable is null, PrivatePostgresServer.Unavailable ?? "");
        await using PrivatePostgresServer server = await PrivatePostgresServer.StartAsync(Cancellation);
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(server.ConnectionString);
        await using (NpgsqlCommand table = database.CreateCommand("CREATE TABLE account (number text PRIMARY KEY, cents bigint NOT NULL, counted int8multirange NOT NULL, token bigint NOT NULL)"))
            await table.ExecuteNonQueryAsync(Cancellation);
        await using (SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation))
        {
            Aggregator<string, Account, Account.Event> accounts = engine.Aggregate(Account.Definition, options => options.OnCompleteBatch = async (batch, lost) => await WriteAsync(database, batch, lost));

            // The second session has an event of the first, and one of its own twice.
            foreach (long[] session in (long[][])[[1, 2, 3], [3, 4, 4]])
            {
                foreach (long position in session)
                    Assert.True(accounts.TryMerge("7", new Account.Event { Posted = new Postings(Postings.Empty.Cents.Add(position, 10 * position)), Settled = 0 }));
                await accounts.ExpireAsync("7", Cancellation);
                await engine.QuiesceAsync(Cancellation);
            }
        }

        await using NpgsqlCommand read = database.CreateCommand("SELECT cents FROM account");
        Assert.Equal(100L, await read.ExecuteScalarAsync(Cancellation));
    }

    [Fact]
    public void The_set_of_postings_keeps_the_laws() => OpaqueStateLaws.Check(
        [.. Enumerable.Range(0, 6).Select(static i => new Postings(Postings.Empty.Cents.Add(i % 3, 10 * (i % 3))))]);

    [Fact]
    public async Task A_consumer_in_a_host()
    {
        ClickQueue queue = new();
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton(queue).AddHostedService<ClickConsumer>().AddSluice().AddAggregate(Visit.Definition);
        builder.Logging.ClearProviders();
        using IHost host = builder.Build();

        await host.StartAsync(Cancellation);
        await queue.WhenRead.WaitAsync(Cancellation);
        await host.StopAsync(Cancellation);

        Assert.Equal(10, queue.Acknowledged);
    }

    private static async Task WriteAsync(NpgsqlDataSource database, IReadOnlyList<Completion<Account>> batch, CancellationToken lost)
    {
        await using NpgsqlCommand add = database.CreateCommand(Add);
        add.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. batch.SelectMany(static account => account.Value.Posted.Cents.Select(_ => account.Value.Number))] });
        add.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. batch.SelectMany(static account => account.Value.Posted.Cents.Keys)] });
        add.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. batch.SelectMany(static account => account.Value.Posted.Cents.Values)] });
        add.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. batch.Select(static account => account.Value.Number)] });
        add.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. batch.Select(static account => account.Value.Settled)] });
        add.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. batch.Select(static account => account.FencingToken)] });
        await add.ExecuteNonQueryAsync(lost);
    }
}

public sealed record Click(string Visitor, long Position);

/// <summary>Ten clicks, and then none until it is called off.</summary>
public sealed class ClickQueue
{
    private readonly TaskCompletionSource _whenRead = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task WhenRead => _whenRead.Task;

    public long Acknowledged { get; private set; }

    public async IAsyncEnumerable<Click> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        for (int i = 1; i <= 10; i++)
            yield return new Click("ann", i);
        _whenRead.SetResult();
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void AcknowledgeUpTo(long position) => Acknowledged = position;
}

public sealed class ClickConsumer(ISluiceEngine engine, IAggregator<string, Visit, Visit.Event> visits, ClickQueue queue) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using EventSource source = engine.OpenSource("clicks", AckMode.AfterFlush, OnFenced.Discard, start: 1);
        await foreach (Click click in queue.ReadAsync(stoppingToken))
        {
            await visits.MergeAsync(click.Visitor, new Visit.Event { Hits = 1 }, source.At(click.Position), CancellationToken.None);
            source.Advance(click.Position);
            queue.AcknowledgeUpTo(source.Watermark);
        }

        await engine.FlushAsync(CancellationToken.None);
        queue.AcknowledgeUpTo(source.Watermark);
    }
}
