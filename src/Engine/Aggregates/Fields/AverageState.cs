using System.Buffers;
using System.ComponentModel;
using Sluice.Aggregates.Wire;

namespace Sluice.Aggregates.Fields;

/// <summary>A sum and how many contributions it has. A sum of zero of some contributions is not the empty field: they count.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly. A mutable value that its holder guards; allocates nothing.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct AverageState : IFieldState, IEntryState<long, AverageView>, IEntryState<int, AverageView>, IEntryState<decimal, AverageView>
{
    private SumState<long> _sum;
    private long _count;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _count == 0;

    /// <summary>True when sum and count after the addition have a representation.</summary>
    /// <param name="contribution">What would be added; <see langword="null"/> is nothing.</param>
    public readonly bool CanAdd(long? contribution) => contribution is not { } value || (_count != long.MaxValue && _sum.CanAdd(value));

    /// <inheritdoc cref="CanAdd(long?)"/>
    /// <param name="contribution">What would be added; <see langword="null"/> is nothing.</param>
    /// <param name="scale">The declared number of decimal places.</param>
    public readonly bool CanAdd(decimal? contribution, int scale) => contribution is not { } value || CanAdd(FixedPoint.ToUnits(value, scale));

    /// <summary>Adds what <see cref="CanAdd(long?)"/> has allowed.</summary>
    /// <param name="contribution">What is added; <see langword="null"/> is nothing.</param>
    public void Merge(long? contribution)
    {
        if (contribution is not { } value)
            return;
        _sum.Merge(value);
        _count++;
    }

    /// <summary>Adds what <see cref="CanAdd(decimal?, int)"/> has allowed.</summary>
    /// <param name="contribution">What is added; <see langword="null"/> is nothing.</param>
    /// <param name="scale">The declared number of decimal places.</param>
    public void Merge(decimal? contribution, int scale)
    {
        if (contribution is { } value)
            Merge(FixedPoint.ToUnits(value, scale));
    }

    /// <summary>Count, sum and mean.</summary>
    /// <param name="scale">The declared number of decimal places; 0 for integers.</param>
    public readonly AverageView View(int scale) => new(_count, FixedPoint.FromUnits(_sum.Total, scale));

    /// <inheritdoc/>
    public void Reset() => this = default;

    /// <inheritdoc/>
    public readonly void Write(int field, IBufferWriter<byte> output)
    {
        if (_count != 0)
            AverageMerger.Write(FieldFrame.Append(output, field, AverageMerger.PayloadBytes), _sum.Total, _count);
    }

    /// <summary>Reads a payload that <see cref="Write"/> wrote.</summary>
    /// <param name="payload">The bytes.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    public void Read(ReadOnlySpan<byte> payload)
    {
        if (!AverageMerger.TryRead(payload, out long sum, out long count))
            throw MalformedField.Of("average", payload.Length);
        Reset();
        _sum.Merge(sum);
        _count = count;
    }

    readonly int IEntryState.PayloadLength => IsEmpty ? 0 : AverageMerger.PayloadBytes;

    readonly void IEntryState.WritePayload(Span<byte> destination) => AverageMerger.Write(destination, _sum.Total, _count);

    void IEntryState.ReadPayload(ReadOnlySpan<byte> payload, int parameter) => Read(payload);

    readonly AverageView IEntryState<long, AverageView>.View(int parameter) => View(0);

    readonly bool IEntryState<long, AverageView>.CanAdd(long contribution, int parameter) => CanAdd(contribution);

    void IEntryState<long, AverageView>.Add(long contribution, int parameter, scoped in MergeContext context) => Merge(contribution);

    readonly AverageView IEntryState<int, AverageView>.View(int parameter) => View(0);

    readonly bool IEntryState<int, AverageView>.CanAdd(int contribution, int parameter) => CanAdd(contribution);

    void IEntryState<int, AverageView>.Add(int contribution, int parameter, scoped in MergeContext context) => Merge(contribution);

    readonly AverageView IEntryState<decimal, AverageView>.View(int parameter) => View(parameter);

    readonly bool IEntryState<decimal, AverageView>.CanAdd(decimal contribution, int parameter) => CanAdd(contribution, parameter);

    void IEntryState<decimal, AverageView>.Add(decimal contribution, int parameter, scoped in MergeContext context) => Merge(contribution, parameter);
}
