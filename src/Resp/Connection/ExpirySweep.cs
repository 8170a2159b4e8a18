namespace Sluice.Resp.Connection;

/// <summary>
/// The slots whose time is over at one look of the clock. They are taken first, which is cheap enough for a lock; their exceptions, which are not, are made
/// afterwards, for those that were really taken, and all with one snapshot.
/// </summary>
/// <remarks>Not thread-safe: the clock's thread. A slot that was taken belongs to the sweep until it is posted: its chain uses <see cref="ReplySlot.Next"/>.</remarks>
internal struct ExpirySweep
{
    private ReplySlot? _first;
    private ReplySlot? _last;
    private int _count;

    /// <summary>Something was taken.</summary>
    public readonly bool Any => _count != 0;

    /// <summary>Takes a slot, unless its reply, its cancellation or a failure came first, or the use is over that was looked at.</summary>
    public bool TryTake(ReplySlot slot, long use)
    {
        if (!slot.TryTakeLate(use))
            return false;
        slot.Next = null;
        if (_last is null)
            _first = slot;
        else
            _last.Next = slot;
        _last = slot;
        _count++;
        return true;
    }

    /// <summary>Fails what was taken and gives it to the dispatcher. Outside of locks.</summary>
    public readonly void Post(ReplyDispatcher dispatcher, CommandOutcome outcome, ConnectionSnapshot? state, Exception? lastFault = null)
    {
        for (ReplySlot? slot = _first; slot is not null; slot = slot.Next)
            slot.FailTaken(new RespTimeoutException(slot.Timeout, outcome, state, lastFault));
        dispatcher.Post(_first!, _last!, _count);
    }
}
