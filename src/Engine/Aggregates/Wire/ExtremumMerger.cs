using Sluice.Aggregates.Fields;

namespace Sluice.Aggregates.Wire;

/// <summary>Greatest and smallest values on the wire: 8 bytes that compare as the values do, so that a merge compares bytes and nothing else.</summary>
/// <typeparam name="TOrdinal">Says which 8 bytes are values of the declared type.</typeparam>
internal sealed class ExtremumMerger<TOrdinal>(bool keepsGreater) : IFieldMerger
    where TOrdinal : IOrdinalRange
{
    public bool Accepts(int parameter) => parameter == 0;

    public bool IsCanonical(ReadOnlySpan<byte> payload, int parameter) => ExtremumPayload.TryRead(payload, out long ordinal) && TOrdinal.IsOrdinal(ordinal);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int parameter, Span<byte> destination, out int written)
    {
        bool leftIsGreater = left.SequenceCompareTo(right) > 0;
        (leftIsGreater == keepsGreater ? left : right).CopyTo(destination);
        written = ExtremumPayload.Bytes;
        return true;
    }
}
