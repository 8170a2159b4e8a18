namespace Sluice.Aggregates.Wire;

/// <summary>What is kept for each key of a map: a field of another kind.</summary>
/// <param name="merger">The merger of that kind.</param>
/// <param name="parameter">The parameter of that kind.</param>
/// <param name="canBeEmpty">True when contributions can cancel out: their key stays, with an empty value.</param>
internal sealed class MapValues(IFieldMerger merger, int parameter, bool canBeEmpty)
{
    public bool IsCanonical(ReadOnlySpan<byte> value) => value.IsEmpty ? canBeEmpty : merger.IsCanonical(value, parameter);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> destination, out int written)
    {
        if (!left.IsEmpty && !right.IsEmpty)
            return merger.TryMerge(left, right, parameter, destination, out written);
        ReadOnlySpan<byte> only = left.IsEmpty ? right : left;
        only.CopyTo(destination);
        written = only.Length;
        return true;
    }
}
