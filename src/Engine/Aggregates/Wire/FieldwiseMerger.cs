using System.Buffers;

namespace Sluice.Aggregates.Wire;

/// <summary>
/// Merges two records field by field. Both are checked whole before the first field is merged, so that a malformed record is reported as such
/// even where an earlier field would overflow: which fault wins is part of the contract that the scripts implement too.
/// </summary>
internal sealed class FieldwiseMerger(AggregateSchema schema) : RecordMerger
{
    private readonly IFieldMerger[] _mergers = [.. schema.Fields.Select(field => FieldMergers.Of(schema, field))];
    private readonly int[] _parameters = [.. schema.Fields.Select(static field => field.Parameter)];
    private readonly bool _hasOpaque = schema.HasOpaqueFields;

    public override RecordMergeStatus TryMerge(ReadOnlySpan<byte> stored, ReadOnlySpan<byte> delta, ArrayBufferWriter<byte> output, out int field)
    {
        if (!IsCanonical(stored, out field) || !IsCanonical(delta, out field))
            return RecordMergeStatus.Malformed;
        if (stored.IsEmpty && delta.IsEmpty)
            return RecordMergeStatus.Merged;

        // No payload outgrows the two that it is made of, nor does the length of the sum of two payloads outgrow both their lengths: the result
        // fits into the length of both records.
        Span<byte> destination = output.GetSpan(stored.Length + delta.Length);
        if (!TryMergeFields(stored, delta, destination, out int written, out field))
            return RecordMergeStatus.Overflow;

        // Only now does the output know of anything: a refused merge leaves it as it was.
        output.Advance(written);
        return RecordMergeStatus.Merged;
    }

    public override bool IsOpaque(int field) => (uint)field < (uint)_mergers.Length && _mergers[field] is OpaqueMerger;

    public override bool IsCrowded(ReadOnlySpan<byte> record)
    {
        if (!_hasOpaque)
            return false;
        FieldCursor cursor = new(record);
        while (cursor.MoveNext())
        {
            if (IsOpaque(cursor.Field) && OpaquePayload.IsCrowded(cursor.Payload))
                return true;
        }

        return false;
    }

    private bool IsCanonical(ReadOnlySpan<byte> record, out int field)
    {
        FieldCursor cursor = new(record);
        while (cursor.MoveNext())
        {
            if (cursor.Field < _mergers.Length && _mergers[cursor.Field].IsCanonical(cursor.Payload, _parameters[cursor.Field]))
                continue;
            field = cursor.Field < _mergers.Length ? cursor.Field : -1;
            return false;
        }

        field = -1;
        return !cursor.IsMalformed;
    }

    private bool TryMergeFields(ReadOnlySpan<byte> stored, ReadOnlySpan<byte> delta, Span<byte> destination, out int written, out int field)
    {
        FieldCursor left = new(stored);
        FieldCursor right = new(delta);
        bool hasLeft = left.MoveNext();
        bool hasRight = right.MoveNext();
        written = 0;
        while (hasLeft || hasRight)
        {
            if (!hasRight || (hasLeft && left.Field < right.Field))
            {
                written += Copy(left, destination[written..]);
                hasLeft = left.MoveNext();
            }
            else if (!hasLeft || right.Field < left.Field)
            {
                written += Copy(right, destination[written..]);
                hasRight = right.MoveNext();
            }
            else if (TryMergeField(left, right, destination[written..], out int length))
            {
                written += length;
                hasLeft = left.MoveNext();
                hasRight = right.MoveNext();
            }
            else
            {
                field = left.Field;
                return false;
            }
        }

        field = -1;
        return true;
    }

    private static int Copy(FieldCursor cursor, Span<byte> destination)
    {
        destination[0] = (byte)cursor.Field;
        int header = 1 + Varint.Write(destination[1..], cursor.Payload.Length);
        cursor.Payload.CopyTo(destination[header..]);
        return header + cursor.Payload.Length;
    }

    private bool TryMergeField(FieldCursor left, FieldCursor right, Span<byte> destination, out int length)
    {
        // The payload's length is not known yet: room is left for the longest that it can have, and closed up afterwards.
        int bound = left.Payload.Length + right.Payload.Length;
        int reserved = 1 + Varint.SizeOf(bound);
        Span<byte> room = destination.Slice(reserved, bound);
        length = 0;
        if (!_mergers[left.Field].TryMerge(left.Payload, right.Payload, _parameters[left.Field], room, out int payload))
            return false;
        if (payload == 0)
            return true;
        destination[0] = (byte)left.Field;
        int header = 1 + Varint.Write(destination[1..], payload);
        if (header != reserved)
            room[..payload].CopyTo(destination[header..]);
        length = header + payload;
        return true;
    }
}
