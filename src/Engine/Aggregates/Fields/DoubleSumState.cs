using System.Buffers;
using System.Buffers.Binary;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>
/// A sum of doubles. Every addition rounds, so that the result depends on the order of the additions in its last digits: commutative, but associative
/// only within the rounding.
/// </summary>
/// <remarks>Code that generated code calls; not meant to be used directly. A mutable value that its holder guards; allocates nothing.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct DoubleSumState : IFieldState, IDifferenceState<double>
{
    private double _total;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _total == 0;

    /// <summary>The sum; zero when nothing was contributed.</summary>
    public readonly double Total => _total;

    /// <summary>Refuses what would make every later sum meaningless where an event is made.</summary>
    /// <param name="value">The contribution.</param>
    /// <param name="property">The event's property.</param>
    /// <exception cref="ArgumentException">The value is NaN or infinite.</exception>
    public static double Accept(double value, string property) =>
        double.IsFinite(value) ? value : throw new ArgumentException($"'{property}' is {value}, after which no sum could be finite again.", property);

    /// <summary>True when the sum after the addition is finite.</summary>
    /// <param name="contribution">What would be added.</param>
    public readonly bool CanAdd(double contribution) => double.IsFinite(_total + contribution);

    /// <summary>Adds what <see cref="CanAdd"/> has allowed.</summary>
    /// <param name="contribution">What is added.</param>
    public void Merge(double contribution) => _total += contribution;

    /// <summary>True when the sum after the subtraction is finite.</summary>
    /// <param name="contribution">What would be subtracted.</param>
    public readonly bool CanSubtract(double contribution) => double.IsFinite(_total - contribution);

    /// <summary>Subtracts what <see cref="CanSubtract"/> has allowed.</summary>
    /// <param name="contribution">What is subtracted.</param>
    public void Subtract(double contribution) => _total -= contribution;

    /// <summary>The sum and what it began with, rounded once more.</summary>
    /// <param name="initial">The beginning.</param>
    public readonly double TotalFrom(long initial) => initial + _total;

    /// <inheritdoc/>
    public void Reset() => _total = 0;

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (!IsEmpty)
            BinaryPrimitives.WriteDoubleLittleEndian(FieldFrame.Append(output, field, DoubleSumMerger.PayloadBytes), _total);
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload)
    {
        if (!DoubleSumMerger.IsCanonical(payload))
            throw MalformedField.Of("sum", payload.Length);
        _total = BinaryPrimitives.ReadDoubleLittleEndian(payload);
    }

    static bool IEntryState.CanCancelOut => true;

    readonly int IEntryState.PayloadLength => IsEmpty ? 0 : DoubleSumMerger.PayloadBytes;

    readonly void IEntryState.WritePayload(Span<byte> destination) => BinaryPrimitives.WriteDoubleLittleEndian(destination, _total);

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload);

    readonly double IEntryState<double, double>.View(int parameter) => _total;

    readonly bool IEntryState<double, double>.CanAdd(double contribution, int parameter) => CanAdd(contribution);

    void IEntryState<double, double>.Add(double contribution, int parameter, scoped in MergeContext context) => Merge(contribution);

    readonly bool IDifferenceState<double>.CanSubtract(double contribution, int parameter) => CanSubtract(contribution);

    void IDifferenceState<double>.Subtract(double contribution, int parameter) => Subtract(contribution);
}
