using System.Buffers;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>The buckets that were hit, ascending, with their counts.</summary>
/// <remarks>
/// Code that generated code calls; not meant to be used directly. A mutable value that its holder guards. The buckets grow by doubling; a contribution
/// to one that was hit before allocates nothing.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct HistogramState : IFieldState, IEntryState<double, HistogramView>
{
    private const int FirstCapacity = 8;

    private ushort[]? _indices;
    private long[]? _counts;
    private int _used;
    private long _total;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _used == 0;

    private readonly int PayloadLength
    {
        get
        {
            int length = 0;
            for (int i = 0; i < _used; i++)
                length += HistogramPayload.SizeOf(_counts![i]);
            return length;
        }
    }

    /// <summary>Refuses what has no bucket where an event is made.</summary>
    /// <param name="value">The contribution.</param>
    /// <param name="property">The event's property.</param>
    /// <exception cref="ArgumentException">The value is negative, 2^63 or more, or NaN.</exception>
    public static double? Accept(double? value, string property) =>
        value is not { } number || (number >= 0 && number < HistogramBuckets.End)
            ? value
            : throw new ArgumentException($"'{property}' is {number}; a histogram takes numbers from 0 to less than 2^63.", property);

    /// <summary>True when one more contribution can be counted.</summary>
    /// <param name="contribution">The contribution; <see langword="null"/> is none.</param>
    public readonly bool CanAdd(double? contribution) => contribution is null || _total < HistogramPayload.MaxCount;

    /// <summary>Counts the contribution in its bucket.</summary>
    /// <param name="contribution">The contribution; <see langword="null"/> is none.</param>
    /// <param name="precision">The declared precision: the same in every call.</param>
    public void Merge(double? contribution, int precision)
    {
        if (contribution is not { } value)
            return;
        ushort index = (ushort)HistogramBuckets.IndexOf(value, precision);
        int position = _indices.AsSpan(0, _used).BinarySearch(index);
        _total++;
        if (position >= 0)
        {
            _counts![position]++;
            return;
        }

        position = ~position;
        if (_indices is null || _used == _indices.Length)
        {
            int capacity = _indices is null ? FirstCapacity : _indices.Length * 2;
            Array.Resize(ref _indices, capacity);
            Array.Resize(ref _counts, capacity);
        }

        _indices.AsSpan(position, _used - position).CopyTo(_indices.AsSpan(position + 1));
        _counts.AsSpan(position, _used - position).CopyTo(_counts.AsSpan(position + 1));
        _indices[position] = index;
        _counts![position] = 1;
        _used++;
    }

    /// <summary>An immutable copy of the histogram.</summary>
    /// <param name="precision">The declared precision.</param>
    public readonly HistogramView View(int precision)
    {
        HistogramBucket[] buckets = new HistogramBucket[_used];
        for (int i = 0; i < buckets.Length; i++)
            buckets[i] = new HistogramBucket(HistogramBuckets.LowerOf(_indices![i], precision), HistogramBuckets.LowerOf(_indices[i] + 1, precision), _counts![i]);
        return new HistogramView(buckets, _total, HistogramBuckets.RelativeErrorOf(precision));
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _used = 0;
        _total = 0;
    }

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (_used != 0)
            WritePayload(FieldFrame.Append(output, field, PayloadLength));
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <param name="precision">The declared precision.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload, int precision)
    {
        if (!HistogramPayload.IsCanonical(payload, precision, out int buckets, out long total))
            throw MalformedField.Of("histogram", payload.Length);
        _indices = new ushort[buckets];
        _counts = new long[buckets];
        _used = buckets;
        _total = total;
        HistogramPayload cursor = new(payload);
        for (int i = 0; cursor.MoveNext(); i++)
        {
            _indices[i] = (ushort)cursor.Index;
            _counts[i] = cursor.Count;
        }
    }

    readonly int IEntryState.PayloadLength => PayloadLength;

    readonly void IEntryState.WritePayload(Span<byte> destination) => WritePayload(destination);

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload, parameter);

    readonly HistogramView IEntryState<double, HistogramView>.View(int parameter) => View(parameter);

    readonly bool IEntryState<double, HistogramView>.CanAdd(double contribution, int parameter) => CanAdd(contribution);

    void IEntryState<double, HistogramView>.Add(double contribution, int parameter, scoped in MergeContext context) => Merge(contribution, parameter);

    private readonly void WritePayload(Span<byte> rest)
    {
        for (int i = 0; i < _used; i++)
            rest = rest[HistogramPayload.Write(rest, _indices![i], _counts![i])..];
    }
}
