namespace Sluice.Aggregates.Wire;

/// <summary>
/// Appends opaque deltas: a merge of two lists is the one, then what the other has more. A delta that both have is the same one, and counts once.
/// Associative; not commutative, because nobody but the application knows whether the order matters.
/// </summary>
internal sealed class OpaqueMerger : IFieldMerger
{
    private const int MaxVersion = 65535;

    public bool Accepts(int parameter) => parameter is >= 1 and <= MaxVersion;

    public bool IsCanonical(ReadOnlySpan<byte> payload, int parameter) => OpaquePayload.IsCanonical(payload, out _);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int parameter, Span<byte> destination, out int written)
    {
        OpaqueIdentities known = new(left, stackalloc int[OpaqueIdentities.SlotsFor(left)]);
        int count = 0;
        OpaqueCursor cursor = new(left);
        for (; cursor.MoveNext(); count++)
            known.TryAdd(cursor.Start, cursor.Identity);
        left.CopyTo(destination);
        written = left.Length;
        cursor = new(right);
        while (cursor.MoveNext())
        {
            if (known.Contains(cursor.Identity))
                continue;
            if (++count > OpaquePayload.MaxItems || written + cursor.Bytes.Length > OpaquePayload.MaxBytes)
                return false;
            cursor.Bytes.CopyTo(destination[written..]);
            written += cursor.Bytes.Length;
        }

        return true;
    }
}
