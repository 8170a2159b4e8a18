using System.Buffers;
using System.Buffers.Binary;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>The different values with the smallest hashes: the n smallest of a union are the n smallest of the n smallest of its parts.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
/// <typeparam name="TElement">Their bytes and hashes.</typeparam>
/// <remarks>
/// Code that generated code calls; not meant to be used directly. A mutable value that its holder guards. A sorted list that grows by doubling up to the
/// capacity; a value that is known, or that does not enter, allocates nothing.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct SetState<T, TElement> : IFieldState, IEntryState<T, SetView<T>>
    where T : notnull
    where TElement : IKeyElement<T>
{
    private KeyedList<T, TElement, NoEntry> _values;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _values.Count == 0;

    private readonly int PayloadLength
    {
        get
        {
            int length = 0;
            for (int i = 0; i < _values.Count; i++)
                length += _values.SizeAt(i);
            return length;
        }
    }

    /// <summary>Takes the value in, unless the set is full of ones with smaller hashes.</summary>
    /// <param name="contribution">The value.</param>
    /// <param name="capacity">How many values the set keeps: the same in every call.</param>
    public void Merge(T contribution, int capacity)
    {
        ulong hash = TElement.Hash(contribution);
        if (!_values.TryFind(hash, contribution, out int position))
            _values.Insert(position, hash, contribution, default, capacity);
    }

    /// <summary>An immutable copy of the set.</summary>
    /// <param name="capacity">How many values the set keeps.</param>
    public readonly SetView<T> View(int capacity)
    {
        if (IsEmpty)
            return SetView<T>.Empty;
        T[] values = new T[_values.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = _values.KeyAt(i);
        return new SetView<T>(values, isAtCapacity: values.Length == capacity);
    }

    /// <inheritdoc/>
    public void Reset() => _values.Clear();

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (!IsEmpty)
            WritePayload(FieldFrame.Append(output, field, PayloadLength));
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <param name="capacity">How many values the set keeps.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload, int capacity)
    {
        if (!KeyedCursor.IsCanonical<TElement>(payload, capacity, hasValues: false, values: null, out int count))
            throw MalformedField.Of("set", payload.Length);
        _values = new KeyedList<T, TElement, NoEntry>(count);
        KeyedCursor cursor = new(payload, hasValues: false);
        while (cursor.MoveNext())
            _values.Insert(_values.Count, cursor.Hash, TElement.Read(cursor.Key), default, capacity);
    }

    private readonly struct NoEntry;

    readonly int IEntryState.PayloadLength => PayloadLength;

    readonly void IEntryState.WritePayload(Span<byte> destination) => WritePayload(destination);

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload, parameter);

    readonly SetView<T> IEntryState<T, SetView<T>>.View(int parameter) => View(parameter);

    readonly bool IEntryState<T, SetView<T>>.CanAdd(T contribution, int parameter) => true;

    void IEntryState<T, SetView<T>>.Add(T contribution, int parameter, scoped in MergeContext context) => Merge(contribution, parameter);

    private readonly void WritePayload(Span<byte> rest)
    {
        for (int i = 0; i < _values.Count; i++)
            rest = rest[_values.WriteAt(i, rest)..];
    }
}
