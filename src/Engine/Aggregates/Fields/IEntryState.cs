using System.ComponentModel;

namespace Sluice.Aggregates.Fields;

/// <summary>A field that a map keeps for each of its keys, as far as its bytes go.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly. Implementations are mutable values that their holder guards.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IEntryState
{
    /// <summary>True when contributions can leave an empty field behind: its key goes on taking room then, with an empty value.</summary>
    static virtual bool CanCancelOut => false;

    /// <summary>True when every contribution draws a number that tells its place in the order.</summary>
    static virtual bool IsOrdered => false;

    /// <summary>True when there is no contribution, or when the contributions have cancelled out.</summary>
    bool IsEmpty { get; }

    /// <summary>How many bytes the payload has; 0 when the field is empty.</summary>
    int PayloadLength { get; }

    /// <summary>Empties the field and keeps its buffers.</summary>
    void Reset();

    /// <summary>Writes the payload of a field that is not empty.</summary>
    /// <param name="destination">At least <see cref="PayloadLength"/> bytes.</param>
    void WritePayload(Span<byte> destination);

    /// <summary>Reads a payload that <see cref="WritePayload"/> wrote.</summary>
    /// <param name="payload">Its bytes.</param>
    /// <param name="parameter">The kind's parameter, for example a window's size.</param>
    /// <exception cref="InvalidDataException">The bytes are not canonical.</exception>
    void ReadPayload(ReadOnlySpan<byte> payload, int parameter);
}

/// <summary>A field that a map keeps for each of its keys.</summary>
/// <typeparam name="TContribution">What is contributed to it.</typeparam>
/// <typeparam name="TValue">What a snapshot shows of it.</typeparam>
/// <remarks>Code that generated code calls; not meant to be used directly. Implementations are mutable values that their holder guards.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IEntryState<TContribution, TValue> : IEntryState
{
    /// <summary>What a snapshot shows.</summary>
    /// <param name="parameter">The kind's parameter: the same in every call.</param>
    TValue View(int parameter);

    /// <summary>True when the field can hold the result of the merge.</summary>
    /// <param name="contribution">What would be merged.</param>
    /// <param name="parameter">The kind's parameter: the same in every call.</param>
    bool CanAdd(TContribution contribution, int parameter);

    /// <summary>Merges what <see cref="CanAdd"/> has allowed.</summary>
    /// <param name="contribution">What is merged.</param>
    /// <param name="parameter">The kind's parameter: the same in every call.</param>
    /// <param name="context">Gives the contribution its place in the order, where the kind has one.</param>
    void Add(TContribution contribution, int parameter, scoped in MergeContext context);
}
