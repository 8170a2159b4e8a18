using System.Diagnostics;

namespace Sluice.Caching;

/// <summary>
/// Marks the places between the atomic steps of the cache. The compiler leaves the calls out of the product; the tests of interleavings compile these
/// sources with <c>SLUICE_MUTANTS</c>, and there each call may hand the processor to another thread.
/// </summary>
internal static partial class Schedule
{
    /// <summary>A step is done and another one follows: anybody may come in between.</summary>
    [Conditional("SLUICE_MUTANTS")]
    public static void Point(Step step) => Reach(step);

    /// <summary>The calling thread can't go on until another one has moved.</summary>
    [Conditional("SLUICE_MUTANTS")]
    public static void Blocked() => Block();

    /// <summary>Returns when the lock can be taken without waiting.</summary>
    [Conditional("SLUICE_MUTANTS")]
    public static void AwaitFree(Lock gate) => Await(gate);

    static partial void Reach(Step step);

    static partial void Block();

    static partial void Await(Lock gate);
}

/// <summary>The steps between which a thread may be interrupted.</summary>
internal enum Step
{
    /// <summary>A merge has found an entry and seen its word.</summary>
    Found,

    /// <summary>A claim is held.</summary>
    Claimed,

    /// <summary>The event is in the entry, whose claim is still held.</summary>
    Merged,

    /// <summary>The gate is held.</summary>
    GateEntered,

    /// <summary>The state has been written, and its claim is still held.</summary>
    Written,

    /// <summary>The sink has the item; the entry is neither sealed nor emptied yet.</summary>
    HandedOver,

    /// <summary>The entry is sealed and still in the table.</summary>
    Sealed,

    /// <summary>The entry is in no table, and its place is vacant.</summary>
    Unlinked,

    /// <summary>A new entry can be claimed and is not in the table yet.</summary>
    Opened,

    /// <summary>A copy of crowded deltas was taken, and no claim is held.</summary>
    Folding,

    /// <summary>The copy is folded, and no claim is held yet.</summary>
    Folded,
}
