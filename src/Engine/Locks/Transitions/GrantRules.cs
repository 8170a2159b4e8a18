namespace Sluice.Locking;

/// <summary>What may be granted beside what is held, and before whom. Whoever is dead must have been removed before.</summary>
internal static class GrantRules
{
    /// <summary>Whether the holders leave room for a claim.</summary>
    /// <param name="record">The record; null: nobody holds or waits.</param>
    /// <param name="claim">The claim.</param>
    /// <param name="waits">Whether the claim is in the queue already: a rendezvous counts who is there.</param>
    public static bool Fits(LockRecord? record, LockClaim claim, bool waits)
    {
        int signals = 0;
        if (record is not null)
        {
            foreach (LockHolder holder in record.Holders)
            {
                if (!Agrees(claim.Mode, holder.Mode))
                    return false;
                if (holder.Mode == LockMode.Signal)
                    signals++;
            }
        }

        return claim.Mode switch
        {
            LockMode.Permit => (record?.Holders.Length ?? 0) < claim.Capacity,
            LockMode.Await => signals >= claim.Capacity,
            LockMode.Rendezvous => (record?.Waiters.Count ?? 0) + (waits ? 0 : 1) >= claim.Capacity,
            _ => true,
        };
    }

    /// <summary>Whether somebody who waits must be granted before.</summary>
    /// <param name="record">The record; null: nobody waits.</param>
    /// <param name="mode">The claim's mode.</param>
    /// <param name="claims">How many claims the handle has.</param>
    /// <param name="place">The handle's place, or <see cref="long.MaxValue"/> for a newcomer.</param>
    public static bool IsKeptBack(LockRecord? record, LockMode mode, int claims, long place)
    {
        if (record is null || mode is LockMode.Signal or LockMode.Await or LockMode.Rendezvous)
            return false;
        if (record.Upgrade is not null)
            return true;
        return record.Policy switch
        {
            LockPolicy.FirstInFirstOut => FirstPlace(record) < place,
            LockPolicy.WritersFirst => claims == 1 && mode is (LockMode.Shared or LockMode.Upgradeable) && record.WaitingWriters > 0,
            _ => false,
        };
    }

    private static long FirstPlace(LockRecord record)
    {
        foreach (long place in record.Waiters.Keys)
            return place;
        return long.MaxValue;
    }

    /// <summary>Whether a claim can be held beside a hold, as far as their modes go.</summary>
    public static bool Agrees(LockMode wanted, LockMode held) => wanted switch
    {
        LockMode.Exclusive => false,
        LockMode.Shared => held is LockMode.Shared or LockMode.Upgradeable,
        LockMode.Upgradeable => held == LockMode.Shared,
        LockMode.Permit => held == LockMode.Permit,
        LockMode.Rendezvous => held == LockMode.Rendezvous,
        _ => held is LockMode.Signal or LockMode.Await,
    };
}
