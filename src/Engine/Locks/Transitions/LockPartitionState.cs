using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>Everything that a coordinator keeps for the locks of one partition: an immutable value.</summary>
internal sealed record LockPartitionState
{
    public static LockPartitionState Empty { get; } = new();

    /// <summary>The hybrid clock that sessions, places in queues and tokens are drawn from. Never goes back.</summary>
    public long Clock { get; init; }

    /// <summary>The latest server time of a change, since the last renewal that found the clock set back: how a renewal finds that.</summary>
    public long LastWrite { get; init; }

    public ImmutableDictionary<IncarnationId, LockSession> Sessions { get; init; } = ImmutableDictionary<IncarnationId, LockSession>.Empty;

    /// <summary>Leases that run out.</summary>
    public ImmutableSortedSet<(long Deadline, IncarnationId Session)> Leases { get; init; } = [];

    /// <summary>Dead sessions: the handles that have not been taken back yet.</summary>
    public ImmutableSortedDictionary<IncarnationId, ImmutableSortedDictionary<long, LockHandleEntry>> Ending { get; init; } =
        ImmutableSortedDictionary<IncarnationId, ImmutableSortedDictionary<long, LockHandleEntry>>.Empty;

    public ImmutableDictionary<ResourceKey, LockRecord> Records { get; init; } = ImmutableDictionary<ResourceKey, LockRecord>.Empty;

    /// <summary>Holds with a bound.</summary>
    public ImmutableSortedSet<(long Deadline, ResourceKey Resource, LockHandleId Handle)> Bounds { get; init; } = [];
}

/// <summary>A session that was alive when it was last looked at.</summary>
internal sealed record LockSession(long LeaseDeadline, long Lease, string Description)
{
    /// <summary>More finished numbers than that raise the floor.</summary>
    public const int FinishedLimit = 1024;

    /// <summary>What holds and waits, and where. Signals are not in here: they outlive the session.</summary>
    public ImmutableSortedDictionary<long, LockHandleEntry> Handles { get; init; } = ImmutableSortedDictionary<long, LockHandleEntry>.Empty;

    /// <summary>Numbers that must not be taken by a late copy.</summary>
    public ImmutableSortedSet<long> Finished { get; init; } = [];

    /// <summary>Numbers up to here that are not known are finished.</summary>
    public long Floor { get; init; }

    public LockSession Finish(long number)
    {
        ImmutableSortedSet<long> finished = Finished.Add(number);
        return finished.Count <= FinishedLimit
            ? this with { Finished = finished }
            : this with { Finished = finished.Remove(finished.Min), Floor = Math.Max(Floor, finished.Min) };
    }

    public bool IsFinished(long number) => number <= Floor || Finished.Contains(number);
}

/// <summary>Where a handle holds or waits.</summary>
/// <param name="Place">Its key in the queues while it waits; 0 once it holds.</param>
internal sealed record LockHandleEntry(ImmutableArray<ResourceKey> Resources, long Place);

/// <summary>One resource. Exists while somebody holds or waits.</summary>
internal sealed record LockRecord(LockPolicy Policy)
{
    public ImmutableArray<LockHolder> Holders { get; init; } = [];

    /// <summary>By place: the tick of the clock at which they came.</summary>
    public ImmutableSortedDictionary<long, LockWaiter> Waiters { get; init; } = ImmutableSortedDictionary<long, LockWaiter>.Empty;

    /// <summary>The holder that waits to become exclusive: before everybody.</summary>
    public LockWaiter? Upgrade { get; init; }

    /// <summary>Waiters with one claim, an exclusive one: whom readers let pass.</summary>
    public int WaitingWriters { get; init; }

    public bool IsEmpty => Holders.IsEmpty && Waiters.IsEmpty && Upgrade is null;

    public int IndexOf(LockHandleId handle)
    {
        for (int i = 0; i < Holders.Length; i++)
        {
            if (Holders[i].Handle == handle)
                return i;
        }

        return -1;
    }

    public LockHolder? HolderOf(LockHandleId handle) => IndexOf(handle) is var index && index < 0 ? null : Holders[index];
}

/// <param name="Since">When it was granted.</param>
/// <param name="Deadline">When the hold ends whatever its session does.</param>
/// <param name="MaxHold">The duration behind the deadline.</param>
/// <param name="Step">The last conversion.</param>
internal sealed record LockHolder(
    LockHandleId Handle, LockMode Mode, int Capacity, long Token, long Since, long Deadline, long MaxHold, string Owner, long Step, bool IsRevocationRequested)
{
    /// <summary>Whether it stays when its session is dead.</summary>
    public bool OutlivesSession => Mode == LockMode.Signal;
}

/// <summary>A handle that waits: the same object in every record that it waits in.</summary>
/// <param name="Place">Its key in the queues.</param>
/// <param name="Since">When it came.</param>
internal sealed record LockWaiter(
    LockHandleId Handle, long Place, long Since, ImmutableArray<LockClaim> Claims, LockPolicy Policy, long MaxHold, string Owner, bool IsUpgrade)
{
    /// <summary>Whether readers let it pass.</summary>
    public bool IsWriter => Claims.Length == 1 && Claims[0].Mode == LockMode.Exclusive;

    public LockClaim ClaimOn(ResourceKey resource)
    {
        foreach (LockClaim claim in Claims)
        {
            if (claim.Resource.Equals(resource))
                return claim;
        }

        throw new InvalidOperationException($"{Handle} waits in the queue of '{resource}', which it does not want.");
    }
}
