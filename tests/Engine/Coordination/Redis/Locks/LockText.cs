using System.Text;
using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>Replies and states of the locks as text, so that those of two coordinators can be compared and a difference be read.</summary>
internal static class LockText
{
    /// <summary>Everything that the protocol fixes: when something runs out next is for who waits.</summary>
    public static string OfReply(object reply) => reply switch
    {
        AcquireReply acquire => $"{(acquire.Status == AcquireStatus.Waiting ? acquire : acquire with { NextExpiry = 0 })}",
        RenewReply renew => $"{renew with { Handles = [] }} [{string.Join(' ', renew.Handles)}]",
        HandlesReply handles => $"{handles.IsUnfinished} [{string.Join(' ', handles.Numbers)}]",
        ParticipantsReply participants => $"{participants.Now} {participants.Waiting}{Lines("holds", participants.Holders)}{Lines("waits", participants.Waiters)}",
        SurveyReply survey => $"{survey.IsUnfinished}{string.Concat(survey.Records.Select(static record => $"\n {record.Resource} {record.Policy}{Lines("holds", record.Holders)}{Lines("waits", record.Waiters)}"))}",
        _ => reply.ToString()!,
    };

    public static string OfState(LockPartitionState state)
    {
        StringBuilder text = new();
        text.Append($"clock {state.Clock} last write {state.LastWrite}\n");
        foreach ((IncarnationId id, LockSession session) in state.Sessions.OrderBy(static session => session.Key))
        {
            text.Append($"session {id} {session.LeaseDeadline} {session.Lease} {session.Description} floor {session.Floor} finished [{string.Join(' ', session.Finished)}]\n");
            foreach ((long number, LockHandleEntry entry) in session.Handles)
                text.Append($"  {number} at {entry.Place} {string.Join(' ', entry.Resources)}\n");
        }

        text.Append($"leases {string.Join(' ', state.Leases)}\n");
        foreach ((IncarnationId id, System.Collections.Immutable.ImmutableSortedDictionary<long, LockHandleEntry> handles) in state.Ending)
            text.Append($"ending {id} {string.Join(' ', handles.Select(static handle => $"{handle.Key} at {handle.Value.Place} {string.Join(' ', handle.Value.Resources)}"))}\n");
        foreach ((ResourceKey resource, LockRecord record) in state.Records.OrderBy(static record => record.Key))
        {
            text.Append($"record {resource} {record.Policy} writers {record.WaitingWriters} upgrade {Waiter(record.Upgrade)}\n");
            foreach (LockHolder holder in record.Holders)
                text.Append($"  holds {holder}\n");
            foreach (LockWaiter waiter in record.Waiters.Values)
                text.Append($"  waits {Waiter(waiter)}\n");
        }

        text.Append($"bounds {string.Join(' ', state.Bounds)}\n");
        return text.ToString();
    }

    private static string Waiter(LockWaiter? waiter) => waiter is null ? "-" : $"{waiter with { Claims = [] }} [{string.Join(' ', waiter.Claims)}]";

    private static string Lines(string what, IEnumerable<ParticipantEntry> entries) => string.Concat(entries.Select(entry => $"\n  {what} {entry}"));
}
