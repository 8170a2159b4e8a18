using Sluice.Caching;
using Sluice.Flushing;
using Sluice.Harness;

namespace Sluice.Allocations;

/// <summary>Every field of a fixed size that the other cases lack.</summary>
[Aggregate("allocations.fixed")]
internal sealed partial class FixedFields
{
    [Key]
    public partial long Id { get; }

    [Sum(Scale = 2)]
    public partial decimal Revenue { get; }

    [Sum]
    public partial double Energy { get; }

    [Diff(Initial = 100)]
    public partial long Stock { get; }

    [Diff]
    public partial double Fuel { get; }

    [Count]
    public partial long Events { get; }

    [Average]
    public partial AverageView Size { get; }

    [Average(typeof(decimal), Scale = 2)]
    public partial AverageView Price { get; }

    [First]
    public partial string? Referrer { get; }

    [Last]
    public partial long? LastOrder { get; }

    [Last]
    public partial DateTimeOffset LastLogin { get; }
}

/// <summary>Every field that grows, with so little room that it is full at once.</summary>
[Aggregate("allocations.bounded")]
internal sealed partial class BoundedFields
{
    [Key]
    public partial long Id { get; }

    [Window(10)]
    public partial ScoredView<string> Best { get; }

    [List(10)]
    public partial ListView<string> Path { get; }

    [List(10, Keep = ListEnd.First)]
    public partial ListView<long> FirstOrders { get; }

    [Set(10)]
    public partial SetView<string> Countries { get; }

    [Histogram]
    public partial HistogramView Latency { get; }

    [Map(10, MapOf.Sum)]
    public partial MapView<string, long> BytesByPage { get; }

    [Map(10, MapOf.Count)]
    public partial MapView<long, long> HitsByStatus { get; }

    [Map(10, MapOf.Max)]
    public partial MapView<long, double> LongestByStatus { get; }

    [Map(10, MapOf.Sum, Scale = 2)]
    public partial MapView<string, decimal> RevenueByPage { get; }

    [Map(10, MapOf.Diff)]
    public partial MapView<long, double> FuelByStatus { get; }

    [Map(10, MapOf.Last)]
    public partial MapView<long, string> LastPageByStatus { get; }

    [Map(10, MapOf.Window, Size = 4)]
    public partial MapView<string, ScoredView<long>> BestByPage { get; }

    [Map(10, MapOf.List, Size = 4)]
    public partial MapView<long, ListView<string>> PathByStatus { get; }

    [Map(10, MapOf.Set, Size = 4)]
    public partial MapView<long, SetView<string>> PagesByStatus { get; }

    [Map(10, MapOf.Histogram)]
    public partial MapView<long, HistogramView> LatencyByStatus { get; }
}

/// <summary>What the fields of a fixed size cost: nothing, whatever is contributed.</summary>
internal sealed class MergeFixedFieldsCase : AllocationCase
{
    private readonly MergeCache<long, FixedFields.Event> _cache = MergeCase.Create(FixedFields.Definition.CreateCache, capacity: 100, new RefusingSink(), new FlushEpochs());
    private readonly string[] _pages = [.. Enumerable.Range(0, 1000).Select(static i => $"/page/{i}")];
    private long _seconds;

    public override string Name => "merge, fields of a fixed size";

    public override void Run(int operations)
    {
        for (int i = 0; i < operations; i++)
        {
            DateTimeOffset then = DateTimeOffset.UnixEpoch.AddSeconds(++_seconds - (_seconds * 7919 % 100));
            MergeCase.Expect(_cache.TryMerge(
                _seconds % 8,
                new FixedFields.Event
                {
                    Revenue = 1.25m,
                    Energy = 0.1,
                    Stock = i & 1,
                    Fuel = 0.25,
                    Size = i,
                    Price = 9.99m,
                    Referrer = new Stamped<string>(_pages[i % _pages.Length], then),
                    LastOrder = new Stamped<long>(i, then),
                    LastLogin = then,
                },
                epoch: 0));
        }
    }
}

/// <summary>What the fields that grow cost once they are full: nothing either.</summary>
internal sealed class MergeBoundedFieldsCase : AllocationCase
{
    private readonly FlushEpochs _epochs;
    private readonly MergeCache<long, BoundedFields.Event> _cache;
    private readonly string[] _pages = [.. Enumerable.Range(0, 1000).Select(static i => $"/page/{i}")];
    private long _seconds;

    public MergeBoundedFieldsCase()
    {
        _epochs = new FlushEpochs();
        _cache = MergeCase.Create(BoundedFields.Definition.CreateCache, capacity: 100, new AcknowledgingSink(_epochs), _epochs);
    }

    public override string Name => "merge and flush, bounded fields that are full";

    public override void Run(int operations)
    {
        for (int i = 0; i < operations; i++)
        {
            DateTimeOffset then = DateTimeOffset.UnixEpoch.AddSeconds(++_seconds - (_seconds * 7919 % 100));
            string page = _pages[_seconds * 31 % _pages.Length];
            MergeCase.Expect(_cache.TryMerge(
                _seconds % 8,
                new BoundedFields.Event
                {
                    Best = new Scored<string>(page, _seconds * 7919 % 1000),
                    Path = new Stamped<string>(page, then),
                    FirstOrders = new Stamped<long>(i, then),
                    Countries = page,
                    Latency = _seconds % 100,
                    BytesByPage = new(page, i),
                    HitsByStatus = 200 + (_seconds % 50),
                    LongestByStatus = new(200 + (_seconds % 50), i),
                    RevenueByPage = new(page, 1.25m),
                    FuelByStatus = new(200 + (_seconds % 50), 0.25),
                    LastPageByStatus = new(200 + (_seconds % 50), new Stamped<string>(page, then)),
                    BestByPage = new(page, new Scored<long>(i, _seconds * 7919 % 1000)),
                    PathByStatus = new(200 + (_seconds % 50), new Stamped<string>(page, then)),
                    PagesByStatus = new(200 + (_seconds % 50), page),
                    LatencyByStatus = new(200 + (_seconds % 50), _seconds % 100),
                },
                epoch: 0));
            if (i % 100 == 0 && !_cache.TryFlushDirty(_epochs.Current))
                throw new InvalidOperationException("A sink that takes everything was called full.");
        }
    }
}
