namespace Sluice.Aggregates.Fields;

/// <summary>One delta of an opaque state, or several merged into one.</summary>
/// <param name="Origin">The engine that merged it.</param>
/// <param name="Sequence">That engine's count; of several merged into one, the last one's.</param>
/// <param name="Content">The state's bytes, which nobody changes.</param>
internal readonly record struct OpaqueItem(ulong Origin, long Sequence, byte[] Content);
