using Sluice.Aggregates.Fields;

namespace Sluice.Aggregates.Wire;

/// <summary>
/// Sets and maps on the wire: their entries by ascending hash. A merge is that of two sorted lists, cut off at the capacity. A key that is cut off
/// stays out: what cut it off can only be joined by keys with even smaller hashes. So a key that is in has all that was ever contributed to it.
/// </summary>
/// <typeparam name="TElement">Says which bytes are keys.</typeparam>
internal sealed class KeyedMerger<TElement>(MapValues? values = null) : IFieldMerger
    where TElement : IElementRange
{
    public bool Accepts(int parameter) => parameter is >= 1 and <= WindowAttribute.MaxSize;

    public bool IsCanonical(ReadOnlySpan<byte> payload, int parameter) => KeyedCursor.IsCanonical<TElement>(payload, parameter, values is not null, values, out _);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int parameter, Span<byte> destination, out int written)
    {
        KeyedCursor a = new(left, values is not null);
        KeyedCursor b = new(right, values is not null);
        bool hasA = a.MoveNext();
        bool hasB = b.MoveNext();
        written = 0;
        for (int count = 0; count < parameter && (hasA || hasB); count++)
        {
            int order = !hasB ? -1 : !hasA ? 1 : a.CompareTo(in b);
            if (order == 0 && values is not null)
            {
                if (!TryMergeEntry(in a, in b, destination[written..], out int length))
                {
                    written = 0;
                    return false;
                }

                written += length;
            }
            else
            {
                ReadOnlySpan<byte> entry = order <= 0 ? a.Bytes : b.Bytes;
                entry.CopyTo(destination[written..]);
                written += entry.Length;
            }

            if (order <= 0)
                hasA = a.MoveNext();
            if (order >= 0)
                hasB = b.MoveNext();
        }

        return true;
    }

    private bool TryMergeEntry(in KeyedCursor a, in KeyedCursor b, Span<byte> destination, out int length)
    {
        // The value's length is not known yet: room is left for the longest that it can have, and closed up afterwards.
        int key = a.Bytes.Length - a.Value.Length - Varint.SizeOf(a.Value.Length);
        a.Bytes[..key].CopyTo(destination);
        int bound = a.Value.Length + b.Value.Length;
        Span<byte> room = destination.Slice(key + Varint.SizeOf(bound), bound);
        length = key;
        if (!values!.TryMerge(a.Value, b.Value, room, out int written))
            return false;
        length += Varint.Write(destination[key..], written);
        room[..written].CopyTo(destination[length..]);
        length += written;
        return true;
    }
}
