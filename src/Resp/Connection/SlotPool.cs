namespace Sluice.Resp.Connection;

/// <summary>The free slots of one link: as many as were ever in use at once, up to a bound; the rest is the collector's.</summary>
/// <remarks>
/// Any thread. A Treiber stack whose pops take turns: with one popper at a time the head that it read cannot be popped and pushed again behind its back, which is
/// the whole of the ABA problem.
/// </remarks>
internal sealed class SlotPool(int bound)
{
    private readonly Lock _popping = new();
    private ReplySlot? _head;
    private int _count;
    private int _inExistence;

    /// <summary>How many are free.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>How many were made and not given up because the pool was full: with none in use, as many as are free. For tests of leaks.</summary>
    public int InExistence => Volatile.Read(ref _inExistence);

    /// <summary>A slot that nobody uses.</summary>
    public ReplySlot Rent()
    {
        lock (_popping)
        {
            ReplySlot? head = Volatile.Read(ref _head);
            while (head is not null)
            {
                ReplySlot? seen = Interlocked.CompareExchange(ref _head, head.Next, head);
                if (ReferenceEquals(seen, head))
                {
                    head.Next = null;
                    Interlocked.Decrement(ref _count);
                    return head;
                }

                head = seen;
            }
        }

        Interlocked.Increment(ref _inExistence);
        return new ReplySlot(this);
    }

    /// <summary>Takes back a slot that both holders let go.</summary>
    public void Return(ReplySlot slot)
    {
        if (Interlocked.Increment(ref _count) > bound)
        {
            Interlocked.Decrement(ref _count);
            Interlocked.Decrement(ref _inExistence);
            return;
        }

        ReplySlot? head = Volatile.Read(ref _head);
        while (true)
        {
            slot.Next = head;
            ReplySlot? seen = Interlocked.CompareExchange(ref _head, slot, head);
            if (ReferenceEquals(seen, head))
                return;
            head = seen;
        }
    }
}
