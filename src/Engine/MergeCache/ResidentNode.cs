namespace Sluice.Caching;

/// <summary>
/// The links by which a stripe holds an entry: its place in the recency list and its index in the heap of deadlines. Intrusive, so that a new key
/// costs one object and leaving costs no search.
/// </summary>
/// <remarks>Everything but <see cref="Touched"/> belongs to the holder of the stripe's lock.</remarks>
internal abstract class ResidentNode
{
    public ResidentNode? Newer;

    public ResidentNode? Older;

    /// <summary>The index in the heap of deadlines, or -1.</summary>
    public int HeapIndex = -1;

    /// <summary>
    /// Set by a merge, cleared by the eviction hand when it passes. Both are plain stores that may race: a lost one moves the entry one turn of the
    /// hand towards or away from eviction, and is worth nothing to exclude.
    /// </summary>
    public bool Touched;
}
