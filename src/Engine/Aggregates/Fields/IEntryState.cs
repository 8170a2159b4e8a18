using System.ComponentModel;

namespace Sluice.Aggregates.Fields;

/// <summary>A field of a fixed size that a map keeps for each of its keys.</summary>
/// <typeparam name="TContribution">What is contributed to it.</typeparam>
/// <typeparam name="TValue">What a snapshot shows of it.</typeparam>
/// <remarks>Code that generated code calls; not meant to be used directly. Implementations are mutable values that their holder guards.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IEntryState<TContribution, TValue>
{
    /// <summary>True when there is no contribution, or when the contributions have cancelled out.</summary>
    bool IsEmpty { get; }

    /// <summary>What a snapshot shows.</summary>
    TValue Value { get; }

    /// <summary>How many bytes the payload has; 0 when the field is empty.</summary>
    int PayloadLength { get; }

    /// <summary>True when the field can hold the result of the merge.</summary>
    /// <param name="contribution">What would be merged.</param>
    bool CanAdd(TContribution contribution);

    /// <summary>Merges what <see cref="CanAdd"/> has allowed.</summary>
    /// <param name="contribution">What is merged.</param>
    void Add(TContribution contribution);

    /// <summary>Writes the payload of a field that is not empty.</summary>
    /// <param name="destination">At least <see cref="PayloadLength"/> bytes.</param>
    void WritePayload(Span<byte> destination);

    /// <summary>Reads a payload that <see cref="WritePayload"/> wrote.</summary>
    /// <param name="payload">Its bytes.</param>
    void ReadPayload(ReadOnlySpan<byte> payload);
}
