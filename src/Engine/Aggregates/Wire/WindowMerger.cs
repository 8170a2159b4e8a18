using Sluice.Aggregates.Fields;

namespace Sluice.Aggregates.Wire;

/// <summary>Windows on the wire: their elements newest first. A merge is that of two sorted lists, cut off at the window's size.</summary>
/// <typeparam name="TElement">Says which bytes are elements.</typeparam>
internal sealed class WindowMerger<TElement> : IFieldMerger
    where TElement : IElementRange
{
    public bool Accepts(int parameter) => parameter is >= 1 and <= WindowAttribute.MaxSize;

    public bool IsCanonical(ReadOnlySpan<byte> payload, int parameter) => WindowCursor.IsCanonical<TElement>(payload, parameter, out _);

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
