namespace Sluice.Aggregates.Wire;

/// <summary>
/// Walks the fields of a record in order, without copying. It checks the frame only (ascending indexes, shortest lengths, nothing empty, nothing
/// left over); what is inside a payload is for the field's kind to check.
/// </summary>
internal ref struct FieldCursor(ReadOnlySpan<byte> record)
{
    private ReadOnlySpan<byte> _rest = record;

    /// <summary>The index of the current field, or -1 before the first.</summary>
    public int Field { get; private set; } = -1;

    /// <summary>The payload of the current field: part of the record, at least one byte.</summary>
    public ReadOnlySpan<byte> Payload { get; private set; } = default;

    /// <summary>True when the cursor stopped because the frame is broken rather than because the record ended.</summary>
    public bool IsMalformed { get; private set; } = false;

    /// <summary>Moves to the next field; false at the end and at the first fault.</summary>
    public bool MoveNext()
    {
        if (_rest.IsEmpty)
            return false;
        int field = _rest[0];
        ReadOnlySpan<byte> rest = _rest[1..];
        if (field <= Field || !Varint.TryTake(ref rest, out int length) || length == 0 || length > rest.Length)
        {
            IsMalformed = true;
            _rest = default;
            return false;
        }

        Field = field;
        Payload = rest[..length];
        _rest = rest[length..];
        return true;
    }
}
