using System.Runtime.CompilerServices;

namespace Sluice.Caching;

/// <summary>
/// The life of one place in the slab in one word: vacant, free, claimed, which session it is that lives there, and how many events it has merged.
/// Whoever holds the claim is alone with the entry's state; whoever seals is the only one who ever flushed its last delta.
/// </summary>
/// <remarks>
/// <para>free -> claimed -> free is one merge or one flush; free -> claimed -> vacant is the end of the session, and with it the number of the life
/// moves on: a claim names the life that it is for, so a writer that found a session can never get into the one that took its place. It is a bounded
/// claim for each entry, not lock-free: a thread that is preempted inside it stalls the writers of this one key.</para>
/// <para>From above: 32 bits of the count of merges, modulo 2^32, which costs nothing here because giving the claim back stores the word anyway; 30 bits
/// of the number of the life; held; live. A writer would have to sleep while its place sees 2^30 sessions, and wake up in the one of the same number.</para>
/// <para>Memory order. Taking the claim is a compare-exchange, so it acquires: what the last holder wrote is visible. Giving it back is a release
/// store: what this holder wrote is visible to the next. The entry's other fields therefore need no ordering of their own while the claim is held,
/// on x64 and on Arm64 alike. <see cref="Seen"/> is an acquire load: what is read after it is at least as new as the life that it shows; and a claim
/// of that life that succeeds says that nothing that is constant for a life (the key) has changed between the two. Fields that are also read without
/// the claim say so where they are declared.</para>
/// </remarks>
internal struct SealWord
{
    // Vacant is 0, so that a new slab is a slab of vacant places.
    private const ulong Live = 1;
    private const ulong Held = 2;
    private const ulong ToNextLife = 3;
    private const ulong OneMerge = 1UL << 32;

    // A holder that was preempted needs the processor, so a long wait sleeps; the default would sleep a millisecond after ten yields, which two
    // threads on one hot key reach without anybody being preempted.
    private const int YieldsBeforeSleeping = 200;

    private ulong _word;

    /// <summary>The word as it is now without its claim, for <see cref="TryClaim"/>. Only the stripe's lock makes an answer about the life last.</summary>
    public ulong Seen => Volatile.Read(ref _word) & ~Held;

    /// <summary>Whether somebody has the claim now: who can choose goes elsewhere.</summary>
    public bool IsHeld => (Volatile.Read(ref _word) & Held) != 0;

    /// <summary>Whether a session lived in the place when this was seen.</summary>
    public static bool IsLive(ulong seen) => (seen & Live) != 0;

    /// <summary>Whether both were seen in one life.</summary>
    public static bool IsSameLife(ulong seen, ulong other) => (uint)seen == (uint)other;

    /// <summary>Events merged in the life, modulo 2^32.</summary>
    public static uint Merges(ulong seen) => (uint)(seen >> 32);

    /// <summary>
    /// Waits for the claim; false when the life that was seen is over. Any thread; does not allocate. <paramref name="seen"/> becomes what the holder has
    /// to give back.
    /// </summary>
    public bool TryClaim(ref ulong seen)
    {
#if SLUICE_MUTANTS
        if (Schedule.Is(Mutant.ClaimOfAnyLife))
            seen = Seen;
        if (Schedule.Is(Mutant.ClaimByPlainStore))
            return Schedule.ClaimByPlainStore(ref _word, ref seen, Held);
#endif
        ulong expected = seen;
        return Interlocked.CompareExchange(ref _word, expected | Held, expected) == expected || TryClaimContended(ref seen);
    }

    /// <summary>Gives the claim back. Only the holder.</summary>
    public void Release(ulong seen) => Volatile.Write(ref _word, seen);

    /// <summary>Gives the claim back after a merge; true when the count of merges has come around. Only the holder.</summary>
    public bool ReleaseMerged(ulong seen)
    {
        ulong merged = seen + OneMerge;
        Volatile.Write(ref _word, merged);
        return merged < OneMerge;
    }

    /// <summary>Ends the session for ever. Only the holder, after the sink took what was left.</summary>
    public void Seal(ulong seen) => Volatile.Write(ref _word, (uint)(seen + ToNextLife));

    /// <summary>Begins the next life of a vacant place, whose fields are filled and tell of one event: who sees it sees them. Only under the stripe's lock.</summary>
    public void Open() => Volatile.Write(ref _word, _word | Live | OneMerge);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryClaimContended(ref ulong seen)
    {
        SpinWait spin = default;
        while (true)
        {
            ulong now = Volatile.Read(ref _word);
            if (!IsSameLife(now & ~Held, seen))
                return false;
            if ((now & Held) == 0 && Interlocked.CompareExchange(ref _word, now | Held, now) == now)
            {
                seen = now;
                return true;
            }

            Schedule.Blocked();
            spin.SpinOnce(YieldsBeforeSleeping);
        }
    }
}
