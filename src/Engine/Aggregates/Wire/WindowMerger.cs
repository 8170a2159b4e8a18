using Sluice.Aggregates.Fields;

namespace Sluice.Aggregates.Wire;

/// <summary>Windows and lists on the wire: their elements, the greatest first. A merge is that of two sorted lists, cut off at the size.</summary>
/// <typeparam name="TElement">Says which bytes are elements.</typeparam>
/// <typeparam name="TRank">Says which ranks there are.</typeparam>
internal sealed class WindowMerger<TElement, TRank>(int greatestParameter = WindowAttribute.MaxSize) : IFieldMerger
    where TElement : IElementRange
    where TRank : IOrdinalRange
{
    public bool Accepts(int parameter) => parameter >= 1 && parameter <= greatestParameter;

    public bool IsCanonical(ReadOnlySpan<byte> payload, int parameter) => WindowCursor.IsCanonical<TElement, TRank>(payload, parameter, out _);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int parameter, Span<byte> destination, out int written)
    {
        WindowCursor a = new(left);
        WindowCursor b = new(right);
        bool hasA = a.MoveNext();
        bool hasB = b.MoveNext();
        written = 0;
        for (int count = 0; count < parameter && (hasA || hasB); count++)
        {
            int order = !hasB ? 1 : !hasA ? -1 : a.Identity.CompareTo(b.Identity);
            bool takesA = order > 0 || (order == 0 && a.Value.SequenceCompareTo(b.Value) >= 0);
            ReadOnlySpan<byte> element = takesA ? a.Bytes : b.Bytes;
            element.CopyTo(destination[written..]);
            written += element.Length;

            // The same contribution on both sides is one contribution.
            if (order >= 0)
                hasA = a.MoveNext();
            if (order <= 0)
                hasB = b.MoveNext();
        }

        return true;
    }
}
