namespace Sluice.Aggregates.Wire;

/// <summary>What is kept for each key of a map: a field of another kind, of a fixed size.</summary>
/// <param name="merger">The merger of that kind.</param>
/// <param name="canBeEmpty">True when contributions can cancel out: their key stays, with an empty value.</param>
internal sealed class MapValues(IFieldMerger merger, bool canBeEmpty)
{
    public bool IsCanonical(ReadOnlySpan<byte> value) => value.IsEmpty ? canBeEmpty : merger.IsCanonical(value, 0);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> destination, out int written)
    {
        if (!left.IsEmpty && !right.IsEmpty)
            return merger.TryMerge(left, right, 0, destination, out written);
        ReadOnlySpan<byte> only = left.IsEmpty ? right : left;
        only.CopyTo(destination);
        written = only.Length;
        return true;
    }
}
