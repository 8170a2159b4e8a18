namespace Sluice.Bench.Scenarios.Merging;

/// <summary>What every reference keeps per key: an object with two counters.</summary>
internal sealed class HitCounters
{
    public long Hits;
    public long Bytes;
}

/// <summary>The same two counters as an aggregate with string keys.</summary>
[Aggregate("bench.hits")]
internal sealed partial class NamedHits
{
    [Key]
    public partial string Name { get; }

    [Sum]
    public partial long Hits { get; }

    [Sum]
    public partial long Bytes { get; }
}

/// <summary>The same with 64-bit keys.</summary>
[Aggregate("bench.numbered-hits")]
internal sealed partial class NumberedHits
{
    [Key]
    public partial long Number { get; }

    [Sum]
    public partial long Hits { get; }

    [Sum]
    public partial long Bytes { get; }
}

/// <summary>Makes one event; a value type, so that the loop that calls it contains it.</summary>
internal interface IEventMaker<TEvent>
{
    TEvent At(long position);
}

internal readonly struct NamedHitMaker : IEventMaker<NamedHits.Event>
{
    public NamedHits.Event At(long position) => new() { Hits = 1, Bytes = position & 0xFFFF };
}

internal readonly struct NumberedHitMaker : IEventMaker<NumberedHits.Event>
{
    public NumberedHits.Event At(long position) => new() { Hits = 1, Bytes = position & 0xFFFF };
}
