namespace Sluice.Caching;

/// <summary>
/// The life of one resident entry in one word: free, claimed, sealed. Whoever holds the claim is alone with the entry's state; whoever seals is the
/// only one who ever flushed its last delta.
/// </summary>
/// <remarks>
/// <para>free -> claimed -> free is one merge or one flush; free -> claimed -> sealed is the end of the session. Nothing leaves sealed: the entry is
/// garbage from then on, and a writer that meets it goes on to a fresh one. It is a bounded claim for each entry, not lock-free: a thread that is
/// preempted inside it stalls the writers of this one key.</para>
/// <para>Memory order. Taking the claim is a compare-exchange, so it acquires: what the last holder wrote is visible. Giving it back is a release
/// store: what this holder wrote is visible to the next. The entry's other fields therefore need no ordering of their own while the claim is held,
/// on x64 and on Arm64 alike. Fields that are also read without the claim say so where they are declared.</para>
/// </remarks>
internal struct SealWord
{
    private const int Free = 0;
    private const int Claimed = 1;
    private const int Sealed = 2;

    // A holder that was preempted needs the processor, so a long wait sleeps; the default would sleep a millisecond after ten yields, which two
    // threads on one hot key reach without anybody being preempted.
    private const int YieldsBeforeSleeping = 200;

    private int _word;

    /// <summary>Whether the session has ended. Only the stripe's lock makes a false answer last.</summary>
    public bool IsSealed => Volatile.Read(ref _word) == Sealed;

    /// <summary>Waits for the claim; false when the entry is sealed. Any thread; does not allocate.</summary>
    public bool TryClaim() => Interlocked.CompareExchange(ref _word, Claimed, Free) == Free || TryClaimContended();

    /// <summary>Gives the claim back. Only the holder.</summary>
    public void Release() => Volatile.Write(ref _word, Free);

    /// <summary>Ends the session for ever. Only the holder, after the sink took what was left.</summary>
    public void Seal() => Volatile.Write(ref _word, Sealed);

    private bool TryClaimContended()
    {
        SpinWait spin = default;
        while (true)
        {
            int seen = Volatile.Read(ref _word);
            if (seen == Sealed)
                return false;
            if (seen == Free && Interlocked.CompareExchange(ref _word, Claimed, Free) == Free)
                return true;
            spin.SpinOnce(YieldsBeforeSleeping);
        }
    }
}
