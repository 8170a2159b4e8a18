namespace Sluice.Caching;

/// <summary>
/// The life of one place in the slab in one word: vacant, free, claimed, and which session it is that lives there. Whoever holds the claim is alone
/// with the entry's state; whoever seals is the only one who ever flushed its last delta.
/// </summary>
/// <remarks>
/// <para>free -> claimed -> free is one merge or one flush; free -> claimed -> vacant is the end of the session, and with it the number of the life
/// moves on: a claim names the life that it is for, so a writer that found a session can never get into the one that took its place. The number has
/// 62 bits and does not come around. It is a bounded claim for each entry, not lock-free: a thread that is preempted inside it stalls the writers of
/// this one key.</para>
/// <para>Memory order. Taking the claim is a compare-exchange, so it acquires: what the last holder wrote is visible. Giving it back is a release
/// store: what this holder wrote is visible to the next. The entry's other fields therefore need no ordering of their own while the claim is held,
/// on x64 and on Arm64 alike. <see cref="Life"/> is an acquire load: what is read after it is at least as new as the life that it shows; and a claim
/// of that life that succeeds says that nothing that is constant for a life (the key) has changed between the two. Fields that are also read without
/// the claim say so where they are declared.</para>
/// </remarks>
internal struct SealWord
{
    // The number of the life is in the bits above. Vacant is 0, so that a new slab is a slab of vacant places.
    private const ulong Live = 1;
    private const ulong Held = 2;
    private const ulong ToNextLife = 3;

    // A holder that was preempted needs the processor, so a long wait sleeps; the default would sleep a millisecond after ten yields, which two
    // threads on one hot key reach without anybody being preempted.
    private const int YieldsBeforeSleeping = 200;

    private ulong _word;

    /// <summary>The life as it is now, for <see cref="TryClaim"/>. Only the stripe's lock makes an answer last.</summary>
    public ulong Life => Volatile.Read(ref _word) & ~Held;

    /// <summary>Whether a life is one: a session lived in the place when it was read.</summary>
    public static bool IsLive(ulong life) => (life & Live) != 0;

    /// <summary>Waits for the claim; false when that life is over. Any thread; does not allocate.</summary>
    public bool TryClaim(ulong life) => Interlocked.CompareExchange(ref _word, life | Held, life) == life || TryClaimContended(life);

    /// <summary>Gives the claim back. Only the holder.</summary>
    public void Release(ulong life) => Volatile.Write(ref _word, life);

    /// <summary>Ends the session for ever. Only the holder, after the sink took what was left.</summary>
    public void Seal(ulong life) => Volatile.Write(ref _word, life + ToNextLife);

    /// <summary>Begins the next life of a vacant place, whose fields are filled: who sees it sees them. Only under the stripe's lock.</summary>
    public void Open() => Volatile.Write(ref _word, _word | Live);

    private bool TryClaimContended(ulong life)
    {
        SpinWait spin = default;
        while (true)
        {
            ulong seen = Volatile.Read(ref _word);
            if ((seen & ~Held) != life)
                return false;
            if (seen == life && Interlocked.CompareExchange(ref _word, life | Held, life) == life)
                return true;
            spin.SpinOnce(YieldsBeforeSleeping);
        }
    }
}
