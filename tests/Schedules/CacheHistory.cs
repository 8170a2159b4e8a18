using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Sluice.Aggregates;
using Sluice.Caching;
using Sluice.Flushing;

namespace Sluice.Schedules;

/// <summary>One event: an amount.</summary>
internal readonly record struct Amount(long Value);

/// <summary>Two fields that must always agree, so that a torn or doubled delta shows.</summary>
internal struct Tally : IAggregateState<Tally, Amount>
{
    public long Sum;
    public long Count;

    public static AggregateSchema Schema { get; } = new("tally", new FieldSchema("Sum", "sum.i64"), new FieldSchema("Count", "sum.i64"));

    public readonly bool IsEmpty => Count == 0;

    public MergeOutcome Merge(in Amount contribution, scoped in MergeContext context)
    {
        long sum = Sum + contribution.Value;
        Schedule.Point(Step.Claimed);
        Sum = sum;
        Count++;
        return MergeOutcome.Merged;
    }

    public void Reset() => this = default;

    public readonly void Write(IBufferWriter<byte> output)
    {
        Span<byte> bytes = output.GetSpan(2 * sizeof(long));
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Sum);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[sizeof(long)..], Count);
        output.Advance(2 * sizeof(long));
    }

    public static Tally Read(ReadOnlySpan<byte> bytes) => new()
    {
        Sum = BinaryPrimitives.ReadInt64LittleEndian(bytes),
        Count = BinaryPrimitives.ReadInt64LittleEndian(bytes[sizeof(long)..]),
    };
}

/// <summary>A session clock that moves when the history says so.</summary>
internal sealed class HandClock : SessionClock
{
    private long _now = 1_000;

    public override long NowTicks => Volatile.Read(ref _now);

    public override bool IsEventTime => false;

    public void Advance(long ticks) => Interlocked.Add(ref _now, ticks);
}

/// <summary>A small cache with a checker that knows nothing of how it works: what was merged has left, once, and all that was counted was returned.</summary>
internal sealed class CacheHistory : History, IFlushSink
{
    private readonly FlushEpochs _epochs = new();
    private readonly MergeCache<string, Amount, Tally> _cache;
    private readonly Dictionary<string, Tally> _merged = [];
    private readonly Dictionary<string, (Tally Total, bool Held)> _flushed = [];
    private readonly int _capacity;
    private string? _fault;
    private bool _hasEnded;

    public CacheHistory(int capacity, long soft, Func<CacheHistory, Action[]> operations)
    {
        _capacity = capacity;
        _cache = new MergeCache<string, Amount, Tally>(
            Tally.Schema,
            KeyCodec.String,
            new MergeCacheOptions
            {
                Capacity = capacity,
                SoftTicks = soft,
                HardTicks = long.MaxValue,
                Clock = Clock,
                Partitions = 1,
                HoldReferences = true,
                Origin = 1,
            },
            this,
            _epochs);
        Operations = operations(this);
    }

    public HandClock Clock { get; } = new();

    public override IReadOnlyList<Action> Operations { get; }

    // Between two points only one thread runs, so that the history's own books need no lock.
    public CacheHistory Merge(params string[] keys)
    {
        foreach (string key in keys)
        {
            switch (_cache.TryMerge(key, new Amount(key[0]), 0))
            {
                case MergeAnswer.Merged:
                    Book(key);
                    break;
                case MergeAnswer.Full:
                    // The lane is never full here: a producer that is told so waits for a lane for ever.
                    _fault ??= $"{key} was refused";
                    break;
            }
        }

        return this;
    }

    public CacheHistory MergeBatch(params string[] keys)
    {
        KeyValuePair<string, Amount>[] events = [.. keys.Select(key => KeyValuePair.Create(key, new Amount(key[0])))];
        foreach (string key in keys[.._cache.TryMerge(events, 0, out _)])
            Book(key);
        return this;
    }

    public void Expire(string key, bool force = false) => _cache.TryExpire(key, force, waiter: null);

    public void Flush(string key) => _cache.TryFlush(key, waiter: null);

    public void FlushDirty()
    {
        long upTo = _epochs.Current;
        _epochs.TryAdvance();
        _cache.TryFlushDirty(upTo);
    }

    public void Discard() => _cache.DiscardDeltas();

    public void Sweep() => _cache.TrySweep(out _);

    public void CloseAndEndAll()
    {
        _cache.Close();
        _cache.TryExpireAll(CompletionReason.Shutdown, out _);
        _hasEnded = true;
    }

    public bool TryWrite(int partition, in FlushItem item)
    {
        string key = Encoding.UTF8.GetString(item.Key);
        (Tally total, bool held) = _flushed.GetValueOrDefault(key);
        if (item.DeltaLength != 0)
        {
            Tally delta = Tally.Read(item.Delta);
            total.Sum += delta.Sum;
            total.Count += delta.Count;
        }
        else if (!item.Force && !held)
        {
            _fault ??= $"the session of {key} ended twice";
        }

        _flushed[key] = (total, item.Holds);
        if (item.Epoch != 0)
            _epochs.Remove(item.Epoch);
        FlushItem owned = item;
        owned.Recycle();
        return true;
    }

    public override string? FindFault()
    {
        if (_hasEnded && _cache.Count != 0)
            return $"{_cache.Count} sessions began after the end";
        if (_cache.Count > _capacity)
            return $"{_cache.Count} sessions in {_capacity} places";
        MergeCacheCounters counters = _cache.Counters;
        CloseAndEndAll();
        foreach ((string key, Tally merged) in _merged)
        {
            Tally total = _flushed.GetValueOrDefault(key).Total;
            if ((total.Sum, total.Count) != (merged.Sum, merged.Count))
                return $"{key}: merged {merged.Count} ({merged.Sum}), flushed {total.Count} ({total.Sum})";
        }

        if (_flushed.Keys.FirstOrDefault(key => !_merged.ContainsKey(key) && _flushed[key].Total.Count != 0) is { } stranger)
            return $"{stranger} was flushed and never merged";
        if (counters.Merges != _merged.Values.Sum(m => m.Count))
            return $"{counters.Merges} merges were counted of {_merged.Values.Sum(m => m.Count)}";
        return _fault ?? (_epochs.OldestPending != _epochs.Current ? "an epoch's count was not returned" : null);
    }

    private void Book(string key)
    {
        Tally total = _merged.GetValueOrDefault(key);
        total.Sum += key[0];
        total.Count++;
        _merged[key] = total;
    }
}
