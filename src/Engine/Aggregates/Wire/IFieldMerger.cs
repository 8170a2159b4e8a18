namespace Sluice.Aggregates.Wire;

/// <summary>
/// What a coordinator knows of one kind of field: which payloads are canonical, and how two of them become one. Implementations are stateless,
/// never throw whatever the bytes are, and allocate nothing.
/// </summary>
internal interface IFieldMerger
{
    /// <summary>True when a schema may declare the kind with this parameter.</summary>
    bool Accepts(int parameter);

    /// <summary>True when the bytes are the one form of some non-empty state of the field.</summary>
    bool IsCanonical(ReadOnlySpan<byte> payload, int parameter);

    /// <summary>Merges two canonical payloads; false when the field cannot hold the result.</summary>
    /// <param name="left">A canonical payload.</param>
    /// <param name="right">A canonical payload.</param>
    /// <param name="parameter">The kind's parameter in the schema.</param>
    /// <param name="destination">
    /// As long as both together: a merged payload is never longer, for every kind. That law lets a merger of records bound its output by its
    /// input alone, whatever lengths the input claims.
    /// </param>
    /// <param name="written">The length of the result; 0 when the result is the empty field.</param>
    bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int parameter, Span<byte> destination, out int written);
}
