using Sluice.Aggregates.Fields;

namespace Sluice.Aggregates.Wire;

/// <summary>Walks the elements of a window's or list's payload, greatest first, without copying.</summary>
internal ref struct WindowCursor(ReadOnlySpan<byte> payload)
{
    private ReadOnlySpan<byte> _rest = payload;

    /// <summary>The current element's place in the order.</summary>
    public ContributionIdentity Identity { get; private set; } = default;

    /// <summary>The current element's value.</summary>
    public ReadOnlySpan<byte> Value { get; private set; } = default;

    /// <summary>The whole current element.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; } = default;

    /// <summary>True when everything was walked: false after <see cref="MoveNext"/> means a broken payload.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>Moves to the next element; false at the end and at the first fault.</summary>
    public bool MoveNext()
    {
        if (_rest.Length < ContributionIdentity.Bytes)
            return false;
        ReadOnlySpan<byte> rest = _rest[ContributionIdentity.Bytes..];
        if (!Varint.TryTake(ref rest, out int length) || length > rest.Length)
            return false;
        Identity = ContributionIdentity.Read(_rest);
        Value = rest[..length];
        Bytes = _rest[..(_rest.Length - rest.Length + length)];
        _rest = rest[length..];
        return true;
    }

    /// <summary>True when the payload is the one form of some non-empty window: 1 to <paramref name="size"/> elements, strictly descending.</summary>
    public static bool IsCanonical<TElement, TRank>(ReadOnlySpan<byte> payload, int size, out int count)
        where TElement : IElementRange
        where TRank : IOrdinalRange
    {
        WindowCursor cursor = new(payload);
        ContributionIdentity newer = default;
        for (count = 0; cursor.MoveNext(); count++)
        {
            if (count == size || !TRank.IsOrdinal(cursor.Identity.Rank) || !TElement.IsElement(cursor.Value) || (count > 0 && cursor.Identity.CompareTo(newer) >= 0))
                return false;
            newer = cursor.Identity;
        }

        return count > 0 && cursor.IsAtEnd;
    }
}
