using System.Buffers.Binary;
using Sluice.Aggregates.Fields;

namespace Sluice.Aggregates.Wire;

/// <summary>
/// Opaque deltas on the wire: a list in the order of arrival, each with its identity. What is inside a delta nobody but the application knows, so nothing
/// can be said of its bytes.
/// </summary>
internal static class OpaquePayload
{
    /// <summary>The kind's name in schemas.</summary>
    public const string Kind = "opaque";

    /// <summary>Origin and sequence, big-endian, the highest bit of the sequence flipped.</summary>
    public const int IdentityBytes = 16;

    /// <summary>The most deltas that a record keeps of one field. More are refused: by then nobody has merged them for a long time.</summary>
    public const int MaxItems = 1024;

    /// <summary>The most bytes of one field's deltas, with what frames them.</summary>
    public const int MaxBytes = 8 * OpaqueAttribute.MaxBytes;

    /// <summary>A field with more deltas is to be compacted; so is one with more than half of <see cref="MaxBytes"/>.</summary>
    public const int CrowdedItems = 16;

    /// <summary>The most deltas that an engine keeps of one session before it merges them.</summary>
    public const int LocalItems = 16;

    /// <summary>The length of an item whose content has this length.</summary>
    public static int SizeOf(int contentLength) => IdentityBytes + Varint.SizeOf(contentLength) + contentLength;

    /// <summary>Writes an item and returns what is left of the destination.</summary>
    public static Span<byte> Write(Span<byte> destination, scoped in OpaqueItem item)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, item.Origin);
        BinaryPrimitives.WriteInt64BigEndian(destination[8..], item.Sequence ^ long.MinValue);
        destination = destination[IdentityBytes..];
        destination = destination[Varint.Write(destination, item.Content.Length)..];
        item.Content.CopyTo(destination);
        return destination[item.Content.Length..];
    }

    /// <summary>True when the payload is 1 to <see cref="MaxItems"/> items of different identities, within all limits.</summary>
    public static bool IsCanonical(ReadOnlySpan<byte> payload, out int count)
    {
        count = 0;
        if (payload.Length > MaxBytes)
            return false;
        OpaqueIdentities known = new(payload, stackalloc int[OpaqueIdentities.SlotsFor(payload)]);
        OpaqueCursor cursor = new(payload);
        while (cursor.MoveNext())
        {
            if (++count > MaxItems || cursor.Content.Length > OpaqueAttribute.MaxBytes || !known.TryAdd(cursor.Start, cursor.Identity))
                return false;
        }

        return count > 0 && cursor.IsAtEnd;
    }

    /// <summary>How many items a canonical payload has.</summary>
    public static int Count(ReadOnlySpan<byte> payload)
    {
        int count = 0;
        OpaqueCursor cursor = new(payload);
        while (cursor.MoveNext())
            count++;
        return count;
    }

    /// <summary>True when a canonical payload should be compacted.</summary>
    public static bool IsCrowded(ReadOnlySpan<byte> payload) => payload.Length > MaxBytes / 2 || Count(payload) > CrowdedItems;
}

/// <summary>Walks the items of an opaque field's payload, in their order, without copying.</summary>
internal ref struct OpaqueCursor(ReadOnlySpan<byte> payload)
{
    private readonly int _length = payload.Length;
    private ReadOnlySpan<byte> _rest = payload;

    /// <summary>Where the current item begins.</summary>
    public int Start { get; private set; } = 0;

    /// <summary>The current item's identity.</summary>
    public ReadOnlySpan<byte> Identity { get; private set; } = default;

    /// <summary>The current item's state.</summary>
    public ReadOnlySpan<byte> Content { get; private set; } = default;

    /// <summary>The whole current item.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; } = default;

    /// <summary>True when everything was walked: false after <see cref="MoveNext"/> means a broken payload.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>A copy of the current item.</summary>
    public readonly OpaqueItem Item => new(
        BinaryPrimitives.ReadUInt64BigEndian(Identity), BinaryPrimitives.ReadInt64BigEndian(Identity[8..]) ^ long.MinValue, Content.ToArray());

    /// <summary>Moves to the next item; false at the end and at the first fault.</summary>
    public bool MoveNext()
    {
        if (_rest.Length <= OpaquePayload.IdentityBytes)
            return false;
        ReadOnlySpan<byte> rest = _rest[OpaquePayload.IdentityBytes..];
        if (!Varint.TryTake(ref rest, out int length) || length > rest.Length)
            return false;
        Start = _length - _rest.Length;
        Identity = _rest[..OpaquePayload.IdentityBytes];
        Content = rest[..length];
        Bytes = _rest[..(_rest.Length - rest.Length + length)];
        _rest = rest[length..];
        return true;
    }
}
