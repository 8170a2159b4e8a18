using System.Buffers;
using System.Buffers.Binary;
using Sluice.Aggregates;
using Sluice.Caching;
using Sluice.Flushing;

namespace Sluice.Tests.Caching;

/// <summary>One event: an amount, which the state sums, keeps the largest of, and counts.</summary>
internal readonly record struct Amount(long Value);

/// <summary>A state written by hand: three fields that must always agree, so that a torn or doubled delta shows in at least one.</summary>
internal struct Tally : IAggregateState<Tally, Amount>
{
    public const int Bytes = 4 * sizeof(long);

    public long Sum;
    public long Max;
    public long Count;

    /// <summary>The newest sequence number that an event drew.</summary>
    public long Sequence;

    public static AggregateSchema Schema { get; } = new("tally", new FieldSchema("Sum", "sum.i64"), new FieldSchema("Max", "max.i64"), new FieldSchema("Count", "sum.i64"));

    public readonly bool IsEmpty => Count == 0;

    public MergeOutcome Merge(in Amount contribution, scoped in MergeContext context)
    {
        long sum = unchecked(Sum + contribution.Value);
        if (((Sum ^ sum) & (contribution.Value ^ sum)) < 0)
            return MergeOutcome.Overflow(0);
        if (contribution.Value == Poison)
            throw new InvalidTimeZoneException("A state that throws, which no generated one does.");
        Sum = sum;
        if (contribution.Value % 1021 == 777)
            Thread.Yield();
        Max = Count == 0 ? contribution.Value : Math.Max(Max, contribution.Value);
        Count++;
        Sequence = context.NextSequence();
        return MergeOutcome.Merged;
    }

    /// <summary>The amount that makes <see cref="Merge"/> throw.</summary>
    public const long Poison = -77_777;

    public void Reset() => this = default;

    public readonly void Write(IBufferWriter<byte> output)
    {
        // In two steps, so that the buffer has to grow between them for some keys; and sometimes as if the thread were preempted on its way.
        if (Sum % 4001 == 13)
            Thread.Yield();
        Span<byte> first = output.GetSpan(2 * sizeof(long));
        BinaryPrimitives.WriteInt64LittleEndian(first, Sum);
        BinaryPrimitives.WriteInt64LittleEndian(first[8..], Max);
        output.Advance(2 * sizeof(long));
        if (Sum % 4001 == 17)
            Thread.Yield();
        Span<byte> second = output.GetSpan(2 * sizeof(long));
        BinaryPrimitives.WriteInt64LittleEndian(second, Count);
        BinaryPrimitives.WriteInt64LittleEndian(second[8..], Sequence);
        output.Advance(2 * sizeof(long));
    }

    public static Tally Read(ReadOnlySpan<byte> bytes) => new()
    {
        Sum = BinaryPrimitives.ReadInt64LittleEndian(bytes),
        Max = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]),
        Count = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
        Sequence = BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
    };

    /// <summary>Folds a later delta of the same resource in.</summary>
    public void Add(in Tally later)
    {
        Max = Count == 0 ? later.Max : later.Count == 0 ? Max : Math.Max(Max, later.Max);
        Sum += later.Sum;
        Count += later.Count;
        Sequence = Math.Max(Sequence, later.Sequence);
    }
}

/// <summary>A session clock that moves when the test says so.</summary>
internal sealed class HandClock : SessionClock
{
    private long _now = 1_000;

    public override long NowTicks => Volatile.Read(ref _now);

    public override bool IsEventTime => false;

    public void Set(long now) => Volatile.Write(ref _now, now);

    public void Advance(long ticks) => Interlocked.Add(ref _now, ticks);
}

/// <summary>A cache with hand-driven surroundings.</summary>
internal sealed class CacheUnderTest
{
    public const long Never = long.MaxValue;

    public CacheUnderTest(
        int capacity = 100, long soft = Never, long hard = Never, int partitions = 8, bool holdReferences = true, IFlushSink? sink = null,
        FlushEpochs? epochs = null)
    {
        Epochs = epochs ?? new FlushEpochs();
        Sink = sink as RecordingSink ?? new RecordingSink();
        Options = new MergeCacheOptions
        {
            Capacity = capacity,
            SoftTicks = soft,
            HardTicks = hard,
            Clock = Clock,
            Partitions = partitions,
            HoldReferences = holdReferences,
            Origin = 7,
        };
        Cache = new MergeCache<string, Amount, Tally>(Tally.Schema, KeyCodec.String, Options, sink ?? Sink, Epochs);
    }

    public MergeCacheOptions Options { get; }

    public HandClock Clock { get; } = new();

    public FlushEpochs Epochs { get; }

    public RecordingSink Sink { get; }

    public MergeCache<string, Amount, Tally> Cache { get; }

    public static int PartitionOf(string key, int partitions) =>
        (int)(Sluice.Hashing.XxHash64.Hash(System.Text.Encoding.UTF8.GetBytes(key)) % (uint)partitions);

    public MergeAnswer Merge(string key, long amount = 1, long epoch = 0) => Cache.TryMerge(key, new Amount(amount), epoch);
}
