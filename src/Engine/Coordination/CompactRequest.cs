using System.Collections.Immutable;

namespace Sluice.Coordination;

/// <summary>
/// Puts one merged delta in the place of the first deltas of an opaque field, in the open or the sealed session of that generation. Idempotent: what was
/// merged is named by its bytes, so that a repeat, a late copy and the second of two engines find it gone and change nothing.
/// </summary>
/// <param name="Resource">The resource.</param>
/// <param name="Generation">The session.</param>
/// <param name="Field">The field's index.</param>
/// <param name="PrefixLength">How many bytes of the field's payload were merged.</param>
/// <param name="Version">What they were: <see cref="OpaqueVersion.Of"/>.</param>
/// <param name="Merged">The merged delta, as a payload of one item.</param>
internal sealed record Compaction(ResourceKey Resource, long Generation, int Field, int PrefixLength, string Version, ReadOnlyMemory<byte> Merged);

/// <summary>Replaces opaque deltas by what engines merged them into.</summary>
internal sealed record CompactRequest(ImmutableArray<Compaction> Compactions) : CoordinatorRequest<CompactReply>;

internal enum CompactStatus
{
    /// <summary>There is no such session any more.</summary>
    Gone,

    /// <summary>The merged delta is stored.</summary>
    Compacted,

    /// <summary>The field doesn't begin with these deltas any more: somebody was faster, or it was this request.</summary>
    Superseded,

    /// <summary>The merged delta is not one of the schema, or the field would outgrow its limits.</summary>
    Refused,
}

/// <param name="Statuses">One per compaction.</param>
/// <param name="Now">Server time.</param>
internal sealed record CompactReply(ImmutableArray<CompactStatus> Statuses, long Now);
