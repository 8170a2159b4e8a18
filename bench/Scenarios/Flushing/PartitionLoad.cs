using System.Collections.Immutable;
using System.Globalization;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Flushing;

/// <summary>
/// One partition with a lane: sends the requests that an engine would send, made beforehand, so that a measurement sees the path from the request to the reply and the server, and nothing else.
/// </summary>
internal sealed class PartitionLoad
{
    /// <summary>How many partitions have a request on its way at the same time, as an engine's lanes have.</summary>
    public const int Partitions = 8;

    /// <summary>Open resources of a partition.</summary>
    public const int Resources = 1_250;

    private const long Hour = 3_600_000_000;

    private static readonly FlushTerms Held = new(Hour, Linger: Hour, Hard: Hour, Inactivity: 0, TombstoneLife: 24 * Hour, OpenLimit: 1_000_000, DeadLetterLimit: 100);
    private static readonly FlushTerms LettingGo = Held with { Linger = 0 };

    private readonly CoordinationNamespace _space;
    private readonly RedisPartition _partition;
    private readonly IncarnationId _incarnation;
    private readonly int _batch;
    private readonly ImmutableArray<ImmutableArray<BatchItem>> _holding;
    private readonly ImmutableArray<ImmutableArray<BatchItem>> _dropping;
    private readonly ImmutableArray<ImmutableArray<BatchItem>> _shuffled;
    private readonly List<ImmutableArray<ClaimedSession>> _claims = [];
    private long _number;
    private int _turn;

    private PartitionLoad(RedisPartition partition, CoordinationNamespace space, long now, int index, int counters, int batch, ulong seed)
    {
        (_partition, _space, _batch) = (partition, space, batch);
        _incarnation = new IncarnationId(now, (uint)index, seed);
        byte[] delta = Delta(counters);
        BatchItem[] holding = [.. Enumerable.Range(0, Resources).Select(i => new BatchItem(ResourceKey.Of(Name(index, i)), delta, Holds: true, Force: false, default))];
        _holding = Cut(holding, batch);
        _dropping = Cut([.. holding.Select(static item => item with { Holds = false, Reason = CompletionReason.Evicted })], batch);

        // A whole number of passes in other orders: batches of a flush never follow the order in which resources were opened.
        SplitMix64 random = new(seed + (ulong)index);
        List<ImmutableArray<BatchItem>> shuffled = [];
        for (int pass = 0; pass < 8; pass++)
        {
            for (int i = holding.Length - 1; i > 0; i--)
            {
                int other = random.Next(i + 1);
                (holding[i], holding[other]) = (holding[other], holding[i]);
            }

            shuffled.AddRange(Cut(holding, batch));
        }

        _shuffled = [.. shuffled];
    }

    /// <summary>Resources that a pass over the partition touches: whole batches of them.</summary>
    public int Pass => _holding.Length * _batch;

    /// <summary>Partitions of an aggregate of their own, with the given number of sums, on the client's server.</summary>
    public static async Task<PartitionLoad[]> CreateAsync(RespClient client, string prefix, int counters, int batch, ulong seed, CancellationToken cancellation)
    {
        AggregateSchema schema = Schema(counters);
        CoordinationNamespace space = new(prefix, schema, Partitions);
        PartitionLoad[] loads = new PartitionLoad[Partitions];
        for (int i = 0; i < loads.Length; i++)
        {
            RedisPartition partition = new(client, RedisScripts.Shipped, new PartitionKeys(space.Name, i), SchemaDescriptor.For(schema), cancellation);
            PokeReply reply = await partition.PokeAsync(new PokeRequest(0));
            loads[i] = new PartitionLoad(partition, space, reply.Now, i, counters, batch, seed);
        }

        return loads;
    }

    public static AggregateSchema Schema(int counters) =>
        new("bench", [.. Enumerable.Range(0, counters).Select(static i => new FieldSchema(string.Create(CultureInfo.InvariantCulture, $"Sum{i}"), "sum.i64"))]);

    /// <summary>Sixteen bytes.</summary>
    public static string Name(int partition, int resource) => string.Create(CultureInfo.InvariantCulture, $"{partition:x4}{(uint)(resource * 2_654_435_761L):x8}{resource:x4}");

    /// <summary>The next mid-session batch: known resources that stay held.</summary>
    public Task MidSessionAsync()
    {
        ImmutableArray<BatchItem> items = _shuffled[_turn];
        _turn = (_turn + 1) % _shuffled.Length;
        return FlushAsync(items, Held);
    }

    public Task JoinAsync() => FlushAllAsync(_holding, Held);

    public Task DropAsync() => FlushAllAsync(_dropping, LettingGo);

    /// <summary>A drop of what nobody holds: reference, delta and end in one.</summary>
    public Task ColdShotAsync() => DropAsync();

    public async Task ClaimAsync()
    {
        for (int claimed = 0; claimed < Pass;)
        {
            ClaimReply reply = await _partition.ClaimAsync(new ClaimRequest(_batch, Hour));
            if (reply.Claims.Length == 0)
                throw new InvalidOperationException($"Only {claimed} of {Pass} sessions could be claimed.");
            claimed += reply.Claims.Length;
            _claims.Add(reply.Claims);
        }
    }

    public async Task AcknowledgeAsync()
    {
        foreach (ImmutableArray<ClaimedSession> sessions in _claims)
        {
            AcknowledgeReply reply = await _partition.AcknowledgeAsync(new AcknowledgeRequest([.. sessions.Select(static s => new ClaimTicket(s.Resource, s.Generation, s.Token))]));
            if (reply.Accepted.Contains(false))
                throw new InvalidOperationException("A session that was just claimed could not be acknowledged.");
        }

        _claims.Clear();
    }

    private async Task FlushAllAsync(ImmutableArray<ImmutableArray<BatchItem>> batches, FlushTerms terms)
    {
        foreach (ImmutableArray<BatchItem> items in batches)
            await FlushAsync(items, terms);
    }

    private async Task FlushAsync(ImmutableArray<BatchItem> items, FlushTerms terms)
    {
        FlushReply reply = await _partition.FlushAsync(new FlushRequest(_space.Layout, _incarnation, ++_number, Hash: 0xB0B0, items, terms));
        if (reply.Status != FlushStatus.Applied || reply.Refused.Length != 0)
            throw new InvalidOperationException($"Batch {_number} was answered with {reply}.");
    }

    private static ImmutableArray<ImmutableArray<BatchItem>> Cut(BatchItem[] items, int batch) => [.. items.Chunk(batch).Where(chunk => chunk.Length == batch).Select(static chunk => chunk.ToImmutableArray())];

    private static byte[] Delta(int counters)
    {
        System.Buffers.ArrayBufferWriter<byte> record = new();
        for (int i = 0; i < counters; i++)
            System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(FieldFrame.Append(record, i, sizeof(long)), 1 + (i * 1_000));
        return record.WrittenSpan.ToArray();
    }
}
