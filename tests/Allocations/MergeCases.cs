using Sluice.Caching;
using Sluice.Flushing;
using Sluice.Harness;

namespace Sluice.Allocations;

/// <summary>Two exact sums by name.</summary>
[Aggregate("allocations.hits")]
internal sealed partial class Hits
{
    [Key]
    public partial string Name { get; }

    [Sum]
    public partial long Count { get; }

    [Sum]
    public partial long Bytes { get; }
}

/// <summary>A cache of its own whose keys are all resident.</summary>
internal abstract class MergeCase : AllocationCase
{
    private const int Keys = 1_000;

    protected MergeCase()
    {
        Cache = Create(Hits.Definition.CreateCache, capacity: 2 * Keys, new RefusingSink(), new FlushEpochs());
        Names = [.. Enumerable.Range(0, Keys).Select(i => $"visitor-{i}")];
        ZipfGenerator zipf = new(Keys, 0.99, seed: 1);
        Ranks = [.. Enumerable.Range(0, 1 << 14).Select(_ => zipf.Next())];
    }

    protected MergeCache<string, Hits.Event> Cache { get; }

    protected string[] Names { get; }

    /// <summary>Which name each operation is about; its length is a power of two.</summary>
    protected int[] Ranks { get; }

    public static MergeCache<TKey, TEvent> Create<TKey, TEvent>(Func<MergeCacheOptions, IFlushSink, FlushEpochs, MergeCache<TKey, TEvent>> create, int capacity, IFlushSink sink, FlushEpochs epochs)
        where TKey : notnull
        where TEvent : struct
    {
        MergeCacheOptions options = new()
        {
            Capacity = capacity,
            SoftTicks = TimeSpan.FromMinutes(5).Ticks,
            HardTicks = TimeSpan.FromHours(1).Ticks,
            Clock = SessionClock.FromTimeProvider(TimeProvider.System),
            Partitions = 64,
            HoldReferences = true,
            Origin = 1,
        };
        return create(options, sink, epochs);
    }

    public static void Expect(MergeAnswer answer)
    {
        if (answer != MergeAnswer.Merged)
            throw new InvalidOperationException($"A merge into a roomy cache was answered with {answer}.");
    }
}

/// <summary>The hot path.</summary>
internal sealed class MergeByStringCase : MergeCase
{
    public override string Name => "merge, resident string key";

    public override void Run(int operations)
    {
        for (int i = 0; i < operations; i++)
            Expect(Cache.TryMerge(Names[Ranks[i & (Ranks.Length - 1)]], new Hits.Event { Count = 1, Bytes = i }, epoch: 0));
    }
}

/// <summary>What a parser has: characters in its buffer, not a string.</summary>
internal sealed class MergeByCharactersCase : MergeCase
{
    public override string Name => "merge, resident key as characters";

    public override void Run(int operations)
    {
        for (int i = 0; i < operations; i++)
            Expect(Cache.TryMerge(Names[Ranks[i & (Ranks.Length - 1)]].AsSpan(), new Hits.Event { Count = 1, Bytes = i }, epoch: 0));
    }
}

/// <summary>Bytes as they came from a socket.</summary>
internal sealed class MergeByBytesCase : MergeCase
{
    private readonly byte[][] _bytes;

    public MergeByBytesCase() => _bytes = [.. Names.Select(System.Text.Encoding.UTF8.GetBytes)];

    public override string Name => "merge, resident key as UTF-8";

    public override void Run(int operations)
    {
        for (int i = 0; i < operations; i++)
            Expect(Cache.TryMerge(_bytes[Ranks[i & (Ranks.Length - 1)]].AsSpan(), new Hits.Event { Count = 1, Bytes = i }, epoch: 0));
    }
}

/// <summary>A span of events at a time.</summary>
internal sealed class MergeBatchCase : MergeCase
{
    private readonly KeyValuePair<string, Hits.Event>[] _batch;

    public MergeBatchCase() => _batch = [.. Ranks.Take(100).Select(rank => KeyValuePair.Create(Names[rank], new Hits.Event { Count = 1, Bytes = rank }))];

    public override string Name => "merge, span of 100 events";

    public override void Run(int operations)
    {
        for (int done = 0; done < operations; done += _batch.Length)
        {
            Cache.TryMerge(_batch, epoch: 0, out MergeAnswer last);
            Expect(last);
        }
    }
}

/// <summary>One field of each kind, the sketch and the window full.</summary>
[Aggregate("allocations.visits")]
internal sealed partial class Visits
{
    [Key]
    public partial long Visitor { get; }

    [Sum]
    public partial long Hits { get; }

    [Max]
    public partial DateTimeOffset LastSeen { get; }

    [Min]
    public partial DateTimeOffset? FirstSeen { get; }

    [Window(10)]
    public partial WindowView<string> LastPages { get; }

    [Window(10)]
    public partial WindowView<long> LastOrders { get; }

    [Window(10)]
    public partial WindowView<Guid> LastDevices { get; }

    [Distinct]
    public partial DistinctView Pages { get; }
}

/// <summary>Every kind of field, with contributions in order and late ones.</summary>
internal abstract class EveryFieldCase(IFlushSink sink, FlushEpochs epochs) : AllocationCase
{
    private readonly string[] _pages = [.. Enumerable.Range(0, 20_000).Select(i => $"/page/{i}")];
    private long _seconds;

    protected MergeCache<long, Visits.Event> Cache { get; } = MergeCase.Create(Visits.Definition.CreateCache, capacity: 100, sink, epochs);

    protected void Merge(int count)
    {
        for (int i = 0; i < count; i++)
        {
            DateTimeOffset now = DateTimeOffset.UnixEpoch.AddSeconds(++_seconds);
            DateTimeOffset then = now.AddSeconds(-(_seconds * 7919 % 100));
            string page = _pages[_seconds % _pages.Length];
            MergeCase.Expect(Cache.TryMerge(
                _seconds % 8,
                new Visits.Event
                {
                    Hits = 1,
                    LastSeen = now,
                    FirstSeen = then,
                    LastPages = new Stamped<string>(page, then),
                    LastOrders = new Stamped<long>(_seconds, then),
                    LastDevices = Guid.Empty,
                    Pages = page,
                },
                epoch: 0));
        }
    }
}

/// <summary>What the README's aggregate costs.</summary>
internal sealed class MergeEveryFieldCase() : EveryFieldCase(new RefusingSink(), new FlushEpochs())
{
    public override string Name => "merge, every kind of field, long key";

    public override void Run(int operations) => Merge(operations);
}

/// <summary>The same with everything flushed after every hundredth event: deltas are written into rented buffers, and the state is used again.</summary>
internal sealed class MergeAndFlushCase : EveryFieldCase
{
    private readonly FlushEpochs _epochs;

    public MergeAndFlushCase()
        : this(new FlushEpochs())
    {
    }

    private MergeAndFlushCase(FlushEpochs epochs)
        : base(new AcknowledgingSink(epochs), epochs) => _epochs = epochs;

    public override string Name => "merge and flush, every kind of field";

    public override void Run(int operations)
    {
        for (int done = 0; done < operations; done += 100)
        {
            Merge(100);
            if (!Cache.TryFlushDirty(_epochs.Current))
                throw new InvalidOperationException("A sink that takes everything was called full.");
        }
    }
}

/// <summary>Nothing is flushed where it is used; whatever comes here makes the merge fail visibly.</summary>
internal sealed class RefusingSink : IFlushSink
{
    public bool TryWrite(int partition, in FlushItem item) => false;
}
