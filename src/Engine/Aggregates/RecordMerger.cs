using System.Buffers;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates;

/// <summary>What became of a delta that was merged into a stored record.</summary>
internal enum RecordMergeStatus
{
    /// <summary>The output holds the merged record.</summary>
    Merged,

    /// <summary>A field would overflow; the output is as it was.</summary>
    Overflow,

    /// <summary>The delta (or the record) is not the canonical form of a state of this schema; the output is as it was.</summary>
    Malformed,
}

/// <summary>
/// Merges the bytes of records by their schema alone, without the aggregate's types: what a coordinator does with deltas, and the specification
/// of the merger in the Redis scripts. For every schema, merging bytes gives the bytes of the merged states.
/// </summary>
internal abstract class RecordMerger
{
    /// <summary>The merger of a schema. Thread-safe, cached by the caller.</summary>
    /// <exception cref="NotSupportedException">The schema has a field kind that is not known.</exception>
    public static RecordMerger For(AggregateSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new FieldwiseMerger(schema);
    }

    /// <summary>Merges <paramref name="delta"/> into <paramref name="stored"/> (either may be empty) and appends the result. Any thread; never throws, whatever the bytes are.</summary>
    /// <param name="stored">The record so far.</param>
    /// <param name="delta">What is added to it.</param>
    /// <param name="output">Gets the merged record; it grows by at most the length of both inputs.</param>
    /// <param name="field">The index of the offending field, or -1.</param>
    public abstract RecordMergeStatus TryMerge(ReadOnlySpan<byte> stored, ReadOnlySpan<byte> delta, ArrayBufferWriter<byte> output, out int field);

    /// <summary>True when the schema declares an opaque field with this index.</summary>
    public abstract bool IsOpaque(int field);

    /// <summary>True when a canonical record has an opaque field that an engine should compact.</summary>
    public abstract bool IsCrowded(ReadOnlySpan<byte> record);
}
