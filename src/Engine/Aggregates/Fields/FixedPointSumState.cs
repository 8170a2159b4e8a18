using System.Buffers;
using System.Buffers.Binary;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>An exact sum of decimals of one scale: a sum of 64-bit integers.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly. A mutable value that its holder guards; allocates nothing.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct FixedPointSumState : IFieldState, IDifferenceState<decimal>
{
    private SumState<long> _units;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _units.IsEmpty;

    /// <summary>True when the sum after the addition has a representation.</summary>
    /// <param name="contribution">What would be added.</param>
    /// <param name="scale">The declared number of decimal places.</param>
    public readonly bool CanAdd(decimal contribution, int scale) => _units.CanAdd(FixedPoint.ToUnits(contribution, scale));

    /// <summary>True when the sum after the subtraction has a representation.</summary>
    /// <param name="contribution">What would be subtracted.</param>
    /// <param name="scale">The declared number of decimal places.</param>
    public readonly bool CanSubtract(decimal contribution, int scale) => _units.CanSubtract(FixedPoint.ToUnits(contribution, scale));

    /// <summary>Adds what <see cref="CanAdd"/> has allowed.</summary>
    /// <param name="contribution">What is added.</param>
    /// <param name="scale">The declared number of decimal places.</param>
    public void Merge(decimal contribution, int scale) => _units.Merge(FixedPoint.ToUnits(contribution, scale));

    /// <summary>Subtracts what <see cref="CanSubtract"/> has allowed.</summary>
    /// <param name="contribution">What is subtracted.</param>
    /// <param name="scale">The declared number of decimal places.</param>
    public void Subtract(decimal contribution, int scale) => _units.Subtract(FixedPoint.ToUnits(contribution, scale));

    /// <summary>The sum and what it began with.</summary>
    /// <param name="initial">The beginning.</param>
    /// <param name="scale">The declared number of decimal places.</param>
    public readonly decimal TotalFrom(long initial, int scale) => initial + FixedPoint.FromUnits(_units.Total, scale);

    /// <inheritdoc/>
    public void Reset() => _units.Reset();

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output) => _units.Write(field, output);

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload) => _units.Read(payload);

    static bool IEntryState.CanCancelOut => true;

    readonly int IEntryState.PayloadLength => IsEmpty ? 0 : SumMerger.PayloadBytes;

    readonly void IEntryState.WritePayload(Span<byte> destination) => BinaryPrimitives.WriteInt64LittleEndian(destination, _units.Total);

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload);

    readonly decimal IEntryState<decimal, decimal>.View(int parameter) => TotalFrom(0, parameter);

    readonly bool IEntryState<decimal, decimal>.CanAdd(decimal contribution, int parameter) => CanAdd(contribution, parameter);

    void IEntryState<decimal, decimal>.Add(decimal contribution, int parameter, scoped in MergeContext context) => Merge(contribution, parameter);

    readonly bool IDifferenceState<decimal>.CanSubtract(decimal contribution, int parameter) => CanSubtract(contribution, parameter);

    void IDifferenceState<decimal>.Subtract(decimal contribution, int parameter) => Subtract(contribution, parameter);
}
