using System.Text;
using Sluice.Coordination;

namespace Sluice.Tests.Coordination;

/// <summary>Everything that a partition state is, as text: two states are equal when their texts are, and a state that was changed in place shows it.</summary>
internal static class StateText
{
    public static string Of(PartitionState state)
    {
        StringBuilder text = new();
        text.Append($"layout {state.Layout:x} clock {state.Clock} last write {state.LastWrite}\n");
        foreach ((IncarnationId id, Member member) in state.Members.OrderBy(static member => member.Key))
            text.Append($"member {id} {member.Applied} {member.Hash:x} [{string.Join(' ', member.Refused)}] [{string.Join(' ', member.Released)}] {member.LeaseDeadline} {member.Lease}\n");
        text.Append($"leases {string.Join(' ', state.Leases)}\n");
        foreach ((IncarnationId id, Tombstone dead) in state.Tombstones.OrderBy(static dead => dead.Key))
            text.Append($"tombstone {id} {dead.Applied} {dead.Hash:x} [{string.Join(' ', dead.Refused)}] [{string.Join(' ', dead.Released)}] {dead.PurgeAt}\n");
        text.Append($"tombstones {string.Join(' ', state.TombstoneQueue)}\n");
        foreach (KeyValuePair<IncarnationId, System.Collections.Immutable.ImmutableDictionary<ResourceKey, Holding>> owned in state.Owned.OrderBy(static owned => owned.Key))
            text.Append($"owned {owned.Key} {string.Join(' ', owned.Value.OrderBy(static entry => entry.Key))}\n");
        foreach ((ResourceKey resource, OpenRecord record) in state.Open.OrderBy(static record => record.Key))
            text.Append($"open {resource} {record with { Fields = default }} {Convert.ToHexString(record.Fields.Span)}\n");
        text.Append($"due {string.Join(' ', state.Due)}\n");
        foreach ((ResourceKey resource, SealedRecord record) in state.Sealed.OrderBy(static record => record.Key))
            text.Append($"sealed {resource} {record with { Fields = default }} {Convert.ToHexString(record.Fields.Span)}\n");
        text.Append($"claims {string.Join(' ', state.Claims)}\n");
        foreach (DeadLetterEntry letter in state.DeadLetters.Values)
            text.Append($"letter {letter with { Fields = default }} {Convert.ToHexString(letter.Fields.Span)}\n");
        return text.ToString();
    }
}
