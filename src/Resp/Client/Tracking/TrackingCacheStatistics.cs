namespace Sluice.Resp;

/// <summary>What a <see cref="TrackingCache"/> did since it was made. Immutable; the parts were read one after the other.</summary>
public sealed record TrackingCacheStatistics
{
    /// <summary>Reads that were answered from memory.</summary>
    public required long Hits { get; init; }

    /// <summary>Reads that were sent to the server.</summary>
    public required long Misses { get; init; }

    /// <summary>Reads that waited for one that was under way.</summary>
    public required long Joined { get; init; }

    /// <summary>Keys of which the server said that they changed; those too that were not kept.</summary>
    public required long Invalidations { get; init; }

    /// <summary>How often everything was dropped: lost connections, flushed databases.</summary>
    public required long Flushes { get; init; }

    /// <summary>Values that were dropped for lack of room.</summary>
    public required long Evictions { get; init; }

    /// <summary>Values that came and were not kept: changed while they were on their way, too long, about to expire, or not covered by the tracking.</summary>
    public required long NotKept { get; init; }

    /// <summary>Keys that are kept now.</summary>
    public required int Entries { get; init; }

    /// <summary>Bytes that are kept now.</summary>
    public required long Bytes { get; init; }
}
