using System.Buffers;

namespace Sluice.Aggregates.Fields;

/// <summary>
/// What the states of all kinds of fields have in common. The generator writes one state per declared field into the aggregate's state and calls it
/// directly; each kind adds a <c>Merge</c> that takes its contribution, a <c>Read</c> that takes a payload, and the properties that snapshots show.
/// </summary>
/// <remarks>States are mutable values that their holder guards: no member is thread-safe. A default state is an empty one.</remarks>
internal interface IFieldState
{
    /// <summary>True when the field has nothing to send: merging it into anything changes nothing.</summary>
    bool IsEmpty { get; }

    /// <summary>Empties the field and keeps its buffers.</summary>
    void Reset();

    /// <summary>Appends the field's frame (index, length, canonical payload), or nothing when the field is empty.</summary>
    /// <param name="field">The field's index in the schema.</param>
    /// <param name="output">Gets the bytes.</param>
    void Write(int field, IBufferWriter<byte> output);
}
