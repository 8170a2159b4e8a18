using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice.Tests.Locks;

/// <summary>Servers with one bug each, of the kinds that lock services have had.</summary>
internal static class PlantedLockBugs
{
    /// <summary>No owner check: the release of a handle that is gone frees the next holder's lock.</summary>
    public static LockStep ReleasesWhoeverHolds(LockPartitionState state, long now, long seen, object request)
    {
        if (request is ReleaseRequest release && state.Sessions.TryGetValue(release.Session, out LockSession? session) && !session.Handles.ContainsKey(release.Number)
            && state.Records.Values.SelectMany(static record => record.Holders).FirstOrDefault(holder => state.Sessions.ContainsKey(holder.Handle.Session)) is { } other)
        {
            request = new ReleaseRequest(other.Handle.Session, other.Handle.Number, IsDoubtful: false);
        }

        return LockTransitions.Apply(state, now, seen, request);
    }

    /// <summary>The counter is deleted with the lock.</summary>
    public static LockStep TokensBeginAnewWithTheRecord(LockPartitionState state, long now, long seen, object request)
    {
        LockStep step = LockTransitions.Apply(state, now, seen, request);
        if (step.Reply is not AcquireReply { Status: AcquireStatus.Granted } reply || request is not AcquireRequest { Claims: [var claim] }
            || state.Records.ContainsKey(claim.Resource) || !step.State.Records.TryGetValue(claim.Resource, out LockRecord? record))
        {
            return step;
        }

        LockRecord begun = record with { Holders = [.. record.Holders.Select(static holder => holder with { Token = 1 })] };
        return step with { State = step.State with { Records = step.State.Records.SetItem(claim.Resource, begun) }, Reply = reply with { Token = 1 } };
    }

    /// <summary>Who is granted is not told.</summary>
    public static LockStep WakesAreLost(LockPartitionState state, long now, long seen, object request)
    {
        LockStep step = LockTransitions.Apply(state, now, seen, request);
        return step with { Wakes = [.. step.Wakes.Where(static wake => wake.Kind != LockWakeKind.Granted)] };
    }

    /// <summary>A renewal is taken although the lease has run out, as one by a process that was paused.</summary>
    public static LockStep RevivesTheDead(LockPartitionState state, long now, long seen, object request)
    {
        if (request is RenewRequest renew && state.Sessions.TryGetValue(renew.Session, out LockSession? session) && session.LeaseDeadline <= now)
        {
            state = state with
            {
                Sessions = state.Sessions.SetItem(renew.Session, session with { LeaseDeadline = now + 1 }),
                Leases = state.Leases.Remove((session.LeaseDeadline, renew.Session)).Add((now + 1, renew.Session)),
            };
        }

        return LockTransitions.Apply(state, now, seen, request);
    }

    /// <summary>A late copy of an acquire finds nothing that would stop it.</summary>
    public static LockStep ForgetsDoubtfulReleases(LockPartitionState state, long now, long seen, object request) =>
        LockTransitions.Apply(state, now, seen, request is ReleaseRequest release ? release with { IsDoubtful = false } : request);

    /// <summary>Who does not want to wait stays in the queue.</summary>
    public static LockStep LeavesTheBusyInTheQueue(LockPartitionState state, long now, long seen, object request)
    {
        if (request is not AcquireRequest { Waits: false } acquire)
            return LockTransitions.Apply(state, now, seen, request);
        LockStep step = LockTransitions.Apply(state, now, seen, acquire with { Waits = true });
        return step.Reply is AcquireReply { Status: AcquireStatus.Waiting } reply ? step with { Reply = reply with { Status = AcquireStatus.Busy } } : step;
    }

    /// <summary>Leases are not looked at.</summary>
    public static LockStep NobodyDies(LockPartitionState state, long now, long seen, object request)
    {
        LockPartitionState immortal = state with
        {
            Sessions = state.Sessions.SetItems(state.Sessions.Select(static session => KeyValuePair.Create(session.Key, session.Value with { LeaseDeadline = Durations.Never }))),
            Leases = [],
        };
        LockStep step = LockTransitions.Apply(immortal, now, seen, request);
        return ReferenceEquals(step.State, immortal) ? step with { State = state } : step;
    }

    /// <summary>Holds go on after their bound.</summary>
    public static LockStep IgnoresBounds(LockPartitionState state, long now, long seen, object request) =>
        LockTransitions.Apply(state, now, seen, request is AcquireRequest { MaxHold: not Durations.Never } acquire && acquire.Claims[0].Mode != LockMode.Signal
            ? acquire with { MaxHold = acquire.MaxHold * 4 }
            : request);

    /// <summary>Several resources are taken one by one.</summary>
    public static LockStep TakesHalfOfSeveral(LockPartitionState state, long now, long seen, object request)
    {
        if (request is not AcquireRequest { Claims.Length: > 1 } acquire)
            return LockTransitions.Apply(state, now, seen, request);
        return LockTransitions.Apply(state, now, seen, acquire with { Claims = [acquire.Claims[0]], Waits = false });
    }
}
