using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Sluice.Aggregates;
using Sluice.Aggregates.Fields;
using Sluice.Aggregates.Wire;
using Sluice.Caching;
using Sluice.Flushing;

namespace Sluice.Schedules;

/// <summary>An amount that only its own code can add up.</summary>
internal readonly record struct Total(long Sum) : IOpaqueState<Total>
{
    public static Total Empty => default;

    public static Total Merge(Total earlier, Total later) => new(earlier.Sum + later.Sum);

    public static void Write(Total state, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(sizeof(long)), state.Sum);
        output.Advance(sizeof(long));
    }

    public static Total Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadInt64LittleEndian(bytes));
}

/// <summary>As the generator writes a state with one opaque field.</summary>
internal struct Totals : IAggregateState<Totals, Opaque<Total>>, IFoldingState<Totals>
{
    private OpaqueState<Total> _total;

    public static AggregateSchema Schema { get; } = new("totals", new FieldSchema("Total", "opaque", 1));

    public readonly bool IsEmpty => _total.IsEmpty;

    public readonly long Sum => _total.View.Sum;

    public MergeOutcome Merge(in Opaque<Total> contribution, scoped in MergeContext context)
    {
        if (!_total.CanTake(contribution))
            return MergeOutcome.Crowded(0);
        _total.Merge(contribution, in context);
        return MergeOutcome.Merged;
    }

    public void Reset() => _total.Reset();

    public readonly void Write(IBufferWriter<byte> output) => _total.Write(0, output);

    public static Totals Read(ReadOnlySpan<byte> bytes)
    {
        Totals totals = default;
        RecordReader record = new(bytes);
        while (record.Read())
            totals._total.Read(record.Payload);
        return totals;
    }

    public readonly Totals Unfolded() => new() { _total = _total.Unfolded() };

    public void Fold() => _total.Fold();

    public void Adopt(in Totals folded) => _total.Adopt(in folded._total);
}

/// <summary>
/// A small cache of opaque deltas, with a session that has no room for another one: what was merged has left, once, whoever folds, flushes or ends the
/// session meanwhile.
/// </summary>
internal sealed class FoldingHistory : History, IFlushSink
{
    private const string Crowded = "a";

    private readonly FlushEpochs _epochs = new();
    private readonly MergeCache<string, Opaque<Total>, Totals> _cache;
    private readonly Dictionary<string, long> _merged = [];
    private readonly Dictionary<string, long> _flushed = [];
    private string? _fault;

    public FoldingHistory(int capacity, Func<FoldingHistory, Action[]> operations)
    {
        _cache = new MergeCache<string, Opaque<Total>, Totals>(
            Totals.Schema,
            KeyCodec.String,
            new MergeCacheOptions
            {
                Capacity = capacity,
                SoftTicks = long.MaxValue,
                HardTicks = long.MaxValue,
                Clock = new HandClock(),
                Partitions = 1,
                HoldReferences = true,
                Origin = 1,
            },
            this,
            _epochs,
            StateFolding.Of<Totals>());
        for (int i = 0; i < OpaquePayload.LocalItems; i++)
            Merge(Crowded);
        Operations = operations(this);
    }

    public override IReadOnlyList<Action> Operations { get; }

    public void Merge(params string[] keys)
    {
        foreach (string key in keys)
        {
            // Powers of two, so that a sum tells which of them it lacks or has twice.
            long amount = 1L << _merged.Values.Sum(static sum => System.Numerics.BitOperations.PopCount((ulong)sum));
            _merged[key] = _merged.GetValueOrDefault(key) + amount;
            if (_cache.TryMerge(key, new Total(amount), 0) != MergeAnswer.Merged)
                _fault ??= $"{key} was refused";
        }
    }

    public void Expire(string key) => _cache.TryExpire(key, force: false, waiter: null);

    public void Flush(string key) => _cache.TryFlush(key, waiter: null);

    public bool TryWrite(int partition, in FlushItem item)
    {
        if (item.DeltaLength != 0)
        {
            string key = Encoding.UTF8.GetString(item.Key);
            _flushed[key] = _flushed.GetValueOrDefault(key) + Totals.Read(item.Delta).Sum;
        }

        if (item.Epoch != 0)
            _epochs.Remove(item.Epoch);
        FlushItem owned = item;
        owned.Recycle();
        return true;
    }

    public override string? FindFault()
    {
        _cache.Close();
        _cache.TryExpireAll(CompletionReason.Shutdown, out _);
        foreach ((string key, long merged) in _merged)
        {
            long flushed = _flushed.GetValueOrDefault(key);
            if (flushed != merged)
                return $"{key}: merged {merged:b}, flushed {flushed:b}";
        }

        return _fault ?? (_epochs.OldestPending != _epochs.Current ? "an epoch's count was not returned" : null);
    }
}
