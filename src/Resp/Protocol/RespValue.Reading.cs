using System.Buffers;

namespace Sluice.Resp;

// From a reply to a tree, with a stack of its own: how deep it goes is up to the server.
public sealed partial class RespValue
{
    private static readonly RespValue[] NoItems = [];
    private static readonly RespValue Null3 = new(RespPrefix.Null, isNull: true, [], 0, NoItems, null, null);
    private static readonly RespValue NullString = new(RespPrefix.BulkString, isNull: true, [], 0, NoItems, null, null);
    private static readonly RespValue NullArray = new(RespPrefix.Array, isNull: true, [], 0, NoItems, null, null);
    private static readonly RespValue Ok = new(RespPrefix.SimpleString, isNull: false, "OK"u8.ToArray(), 0, NoItems, null, null);

    /// <summary>Reads one reply from bytes that hold exactly one.</summary>
    /// <param name="frame">The reply, with its attributes if it has some.</param>
    /// <param name="limits">Null: the default.</param>
    /// <exception cref="RespProtocolException">The bytes are no reply, break a limit, end too early or go on after it.</exception>
    public static RespValue Parse(ReadOnlySequence<byte> frame, RespLimits? limits = null)
    {
        limits ??= RespLimits.Default;
        limits.Validate();
        FrameScanner scanner = new(limits);
        if (!scanner.TryScan(frame, out Frame found))
            throw new RespProtocolException("The reply is not complete", frame.Length, []);
        if (found.Length != frame.Length)
            throw new RespProtocolException("Bytes follow the reply", found.Length, []);
        RespReader reader = new(frame);
        return Read(ref reader);
    }

    /// <inheritdoc cref="Parse(ReadOnlySequence{byte}, RespLimits?)"/>
    public static RespValue Parse(ReadOnlyMemory<byte> frame, RespLimits? limits = null) => Parse(new ReadOnlySequence<byte>(frame), limits);

    /// <summary>Copies the value that the reader stands on, with all it contains; <see cref="RespReader.MoveNext"/> then goes to what follows it.</summary>
    /// <exception cref="OutOfMemoryException">A string is longer than an array can be.</exception>
    public static RespValue Read(ref RespReader reader)
    {
        PendingAttributes pending = default;
        if (reader.TryGetAttributes(out RespReader about))
        {
            do
            {
                pending.Add(Build(ref about, null));
            }
            while (about.MoveNextAttribute());
        }

        RespValue? attributes = pending.Take();
        return reader.IsAggregate ? Build(ref reader, attributes) : Scalar(reader, attributes);
    }

    private static RespValue Build(ref RespReader reader, RespValue? attributes)
    {
        Stack<Building> open = new();
        while (true)
        {
            if (Complete(ref reader, open, attributes) is { } value && Fold(open, value) is { } root)
                return root;
            reader.ReadRaw();
        }
    }

    // The value that ends with the token under the reader; null if none does.
    private static RespValue? Complete(ref RespReader reader, Stack<Building> open, RespValue? rootAttributes)
    {
        if (reader.Prefix == RespReader.StreamEnd)
            return open.Pop().ToValue();
        open.TryPeek(out Building? parent);
        if (reader.Prefix == RespPrefix.Push && parent is not null)
        {
            // It belongs to somebody else, and so do the attributes before it.
            parent.Pending.Take();
            reader.Skip();
            return null;
        }

        RespValue? attributes = null;
        if (reader.Prefix != RespPrefix.Attribute)
            attributes = parent is null ? rootAttributes : parent.Pending.Take();
        if (!reader.IsAggregate)
            return Scalar(reader, attributes);

        Building building = new(reader.Prefix, reader.AnnouncedCount, attributes);
        if (reader.AnnouncedCount == 0)
            return building.ToValue();
        open.Push(building);
        return null;
    }

    // Gives a complete value to the aggregate around it, which may be complete then too. Not null: the outermost one is.
    private static RespValue? Fold(Stack<Building> open, RespValue value)
    {
        while (open.TryPeek(out Building? parent))
        {
            if (value.Kind == RespPrefix.Attribute)
            {
                parent.Pending.Add(value);
                return null;
            }

            if (!parent.Add(value))
                return null;
            open.Pop();
            value = parent.ToValue();
        }

        return value;
    }

    private static RespValue Scalar(in RespReader reader, RespValue? attributes)
    {
        if (attributes is null)
        {
            if (reader.IsNull)
                return reader.Prefix == RespPrefix.Null ? Null3 : reader.Prefix == RespPrefix.Array ? NullArray : NullString;
            if (reader.Prefix == RespPrefix.SimpleString && reader.TryGetSpan(out ReadOnlySpan<byte> text) && text.SequenceEqual("OK"u8))
                return Ok;
        }

        long number = 0;
        byte[] bytes = [];
        if (reader.Prefix == RespPrefix.Integer)
            number = reader.ReadInt64();
        else if (reader.Prefix == RespPrefix.Boolean)
            number = reader.ReadBoolean() ? 1 : 0;
        else if (!reader.IsNull)
            bytes = reader.ToArray()!;
        return new RespValue(reader.Prefix, reader.IsNull, bytes, number, NoItems, reader.VerbatimFormat, attributes);
    }

    /// <summary>An aggregate whose content is being read.</summary>
    private sealed class Building(RespPrefix kind, int count, RespValue? attributes)
    {
        // The count is that of a complete frame: as many values are there.
        private readonly List<RespValue> _items = new(Math.Max(count, 0));

        /// <summary>Attributes of the value to come.</summary>
        public PendingAttributes Pending;

        /// <summary>True if that was the last one.</summary>
        public bool Add(RespValue value)
        {
            _items.Add(value);
            return _items.Count == count;
        }

        public RespValue ToValue() => new(kind, isNull: false, [], 0, _items.Count == 0 ? NoItems : [.. _items], null, attributes);
    }

    /// <summary>Attributes one after the other, all of the same value: a server may send any number, so each is copied once and not again with every one that follows.</summary>
    private struct PendingAttributes
    {
        private RespValue? _first;
        private List<RespValue>? _items;

        public void Add(RespValue attribute)
        {
            if (_first is null)
            {
                _first = attribute;
                return;
            }

            _items ??= [.. _first._items];
            _items.AddRange(attribute._items);
        }

        /// <summary>One attribute with all pairs, null if there was none; nothing is pending then.</summary>
        public RespValue? Take()
        {
            RespValue? whole = _items is null ? _first : new RespValue(RespPrefix.Attribute, isNull: false, [], 0, [.. _items], null, null);
            this = default;
            return whole;
        }
    }
}
