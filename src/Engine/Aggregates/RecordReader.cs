using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates;

/// <summary>Walks the fields of a record for the code that the generator writes.</summary>
/// <param name="record">The record's bytes; they are not copied.</param>
/// <remarks>Code that generated code calls; not meant to be used directly. Allocates nothing.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public ref struct RecordReader(ReadOnlySpan<byte> record)
{
    private FieldCursor _cursor = new(record);

    /// <summary>The index of the current field, or -1 before the first.</summary>
    public readonly int Field => _cursor.Field;

    /// <summary>The bytes of the current field.</summary>
    public readonly ReadOnlySpan<byte> Payload => _cursor.Payload;

    /// <summary>Moves to the next field; false after the last.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a record.</exception>
    public bool Read()
    {
        if (_cursor.MoveNext())
            return true;
        if (_cursor.IsMalformed)
            throw new InvalidDataException($"The record is malformed after field {_cursor.Field}.");
        return false;
    }

    /// <summary>What to throw when the record has a field that the aggregate does not declare.</summary>
    public readonly InvalidDataException UnknownField() => new($"The record has a field {_cursor.Field}, which the aggregate does not declare.");
}
