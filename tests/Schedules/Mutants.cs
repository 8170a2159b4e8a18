namespace Sluice.Caching;

/// <summary>Bugs that can be planted into the cache: each is one that has been made in a cache of this kind.</summary>
internal enum Mutant
{
    /// <summary>The product.</summary>
    None,

    /// <summary>A writer takes the claim of whoever lives in the place by now.</summary>
    ClaimOfAnyLife,

    /// <summary>The claim is a look and then a store.</summary>
    ClaimByPlainStore,

    /// <summary>What leaves is read before the exclusion of its removal.</summary>
    StateReadOutsideTheClaim,

    /// <summary>The session leaves the table and can still be claimed.</summary>
    EndWithoutSeal,

    /// <summary>A flush gives the claim back before it empties what it has handed over.</summary>
    ResetOutsideTheClaim,

    /// <summary>The flag that closes the cache is not asked for under the gate.</summary>
    NewSessionAfterClose,

    /// <summary>A fold puts its result over whatever deltas are there by now.</summary>
    AdoptWithoutLooking,
}

/// <content>The test build's half: a thread that belongs to a run of the explorer asks it at every point.</content>
internal static partial class Schedule
{
    [ThreadStatic]
    private static Sluice.Schedules.Actor? s_actor;

    [ThreadStatic]
    private static Mutant s_mutant;

    /// <summary>Makes the calling thread take part in a run.</summary>
    public static void Join(Sluice.Schedules.Actor actor, Mutant mutant) => (s_actor, s_mutant) = (actor, mutant);

    public static bool Is(Mutant mutant) => s_mutant == mutant;

    public static bool ClaimByPlainStore(ref ulong word, ref ulong seen, ulong held)
    {
        while ((Volatile.Read(ref word) & held) != 0)
            Block();
        ulong now = Volatile.Read(ref word);
        if (!SealWord.IsSameLife(now, seen))
            return false;
        Reach(Step.Claimed);
        seen = now;
        Volatile.Write(ref word, now | held);
        return true;
    }

    static partial void Reach(Step step) => s_actor?.Reach(step);

    static partial void Block() => s_actor?.Block();

    static partial void Await(Lock gate)
    {
        if (s_actor is not { } actor)
            return;
        while (!gate.TryEnter())
            actor.Block();
        gate.Exit();
    }
}
