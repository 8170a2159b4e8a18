using System.ComponentModel;

namespace Sluice.Aggregates.Fields;

/// <summary>A sum that can be subtracted from.</summary>
/// <typeparam name="T">The type of the contributions.</typeparam>
/// <remarks>Code that generated code calls; not meant to be used directly. Implementations are mutable values that their holder guards.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IDifferenceState<T> : IEntryState<T, T>
{
    /// <summary>True when the sum after the subtraction has a representation.</summary>
    /// <param name="contribution">What would be subtracted.</param>
    /// <param name="parameter">The kind's parameter: the same in every call.</param>
    bool CanSubtract(T contribution, int parameter);

    /// <summary>Subtracts what <see cref="CanSubtract"/> has allowed.</summary>
    /// <param name="contribution">What is subtracted.</param>
    /// <param name="parameter">The kind's parameter: the same in every call.</param>
    void Subtract(T contribution, int parameter);
}

/// <summary>What was taken away from a key of a map: a sum in everything but that contributions are subtracted from it.</summary>
/// <typeparam name="TSum">The sum.</typeparam>
/// <typeparam name="T">The type of the contributions.</typeparam>
/// <remarks>Code that generated code calls; not meant to be used directly. A mutable value that its holder guards; allocates nothing.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public struct DifferenceState<TSum, T> : IEntryState<T, T>
    where TSum : struct, IDifferenceState<T>
{
    private TSum _sum;

    static bool IEntryState.CanCancelOut => true;

    /// <inheritdoc/>
    public readonly bool IsEmpty => _sum.IsEmpty;

    /// <inheritdoc/>
    public readonly int PayloadLength => _sum.PayloadLength;

    /// <inheritdoc/>
    public void Reset() => _sum.Reset();

    /// <inheritdoc/>
    public readonly void WritePayload(Span<byte> destination) => _sum.WritePayload(destination);

    /// <inheritdoc/>
    public void ReadPayload(ReadOnlySpan<byte> payload, int parameter)
    {
        TSum sum = default;
        sum.ReadPayload(payload, parameter);
        _sum = sum;
    }

    /// <inheritdoc/>
    public readonly T View(int parameter) => _sum.View(parameter);

    /// <inheritdoc/>
    public readonly bool CanAdd(T contribution, int parameter) => _sum.CanSubtract(contribution, parameter);

    /// <inheritdoc/>
    public void Add(T contribution, int parameter, scoped in MergeContext context) => _sum.Subtract(contribution, parameter);
}
