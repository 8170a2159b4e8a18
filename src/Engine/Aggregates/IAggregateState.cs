using System.Buffers;

namespace Sluice.Aggregates;

/// <summary>
/// What one event needs to know of its surroundings while it is merged. Passed by reference; never stored.
/// </summary>
/// <param name="nowTicks">The session clock, in UTC ticks: the timestamp of a contribution that carries none.</param>
/// <param name="origin">A number that is unique per engine: together with the sequence it orders contributions with equal timestamps.</param>
/// <param name="sequence">The counter that <see cref="NextSequence"/> draws from.</param>
public readonly ref struct MergeContext(long nowTicks, ulong origin, ref long sequence)
{
    private readonly ref long _sequence = ref sequence;

    /// <summary>The session clock, in UTC ticks.</summary>
    public long NowTicks { get; } = nowTicks;

    /// <summary>The engine's number.</summary>
    public ulong Origin { get; } = origin;

    /// <summary>A number that grows with every call: later contributions of one engine to one key have higher ones.</summary>
    public long NextSequence() => Interlocked.Increment(ref _sequence);
}

/// <summary>
/// The result of merging one event: merged, or refused whole because the field <see cref="Field"/> would overflow, or because its deltas have to be folded
/// before.
/// </summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
public readonly struct MergeOutcome : IEquatable<MergeOutcome>
{
    // The field plus one: positive when it would overflow, negative when it is crowded.
    private readonly int _refusal;

    private MergeOutcome(int refusal) => _refusal = refusal;

    /// <summary>Everything was merged.</summary>
    public static MergeOutcome Merged => default;

    /// <summary>True when the event was merged; false when nothing changed.</summary>
    public bool IsMerged => _refusal == 0;

    /// <summary>True when nothing changed, and the event can be merged once the state was folded, see <see cref="IFoldingState{TSelf}"/>.</summary>
    public bool IsCrowded => _refusal < 0;

    /// <summary>The index of the field that refused the event, or -1.</summary>
    public int Field => Math.Abs(_refusal) - 1;

    /// <summary>Nothing was merged: the field with this index would overflow.</summary>
    public static MergeOutcome Overflow(int field) => new(field + 1);

    /// <summary>Nothing was merged: the field with this index has no room for another delta until it is folded.</summary>
    public static MergeOutcome Crowded(int field) => new(-(field + 1));

    /// <inheritdoc/>
    public bool Equals(MergeOutcome other) => _refusal == other._refusal;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is MergeOutcome other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _refusal;

    /// <summary>Equality.</summary>
    public static bool operator ==(MergeOutcome left, MergeOutcome right) => left.Equals(right);

    /// <summary>Inequality.</summary>
    public static bool operator !=(MergeOutcome left, MergeOutcome right) => !left.Equals(right);
}

/// <summary>
/// The merged contributions of some events to one resource: what the generator writes for an <c>[Aggregate]</c> class. It is a delta while it is
/// on its way and a total where it has arrived: the same monoid, so merging locally and then flushing equals flushing each event.
/// </summary>
/// <typeparam name="TSelf">The state itself.</typeparam>
/// <typeparam name="TEvent">One event's contribution.</typeparam>
/// <remarks>A mutable value that its holder guards; none of its members is thread-safe.</remarks>
public interface IAggregateState<TSelf, TEvent>
    where TSelf : struct, IAggregateState<TSelf, TEvent>
    where TEvent : struct
{
    /// <summary>True when there is nothing to send: <see cref="Write"/> writes no byte. Contributions that cancel out leave a state empty too.</summary>
    bool IsEmpty { get; }

    /// <summary>Merges one event, wholly or not at all. Allocates nothing for fields of fixed size; others grow their buffers by doubling.</summary>
    MergeOutcome Merge(in TEvent contribution, scoped in MergeContext context);

    /// <summary>Empties the state and keeps its buffers.</summary>
    void Reset();

    /// <summary>Appends the state's canonical bytes (see <c>docs/wire.md</c>): equal states give equal bytes.</summary>
    void Write(IBufferWriter<byte> output);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The bytes are not the canonical form of a state.</exception>
    static abstract TSelf Read(ReadOnlySpan<byte> bytes);
}
