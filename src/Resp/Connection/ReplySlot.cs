using System.Buffers;
using System.Diagnostics;

namespace Sluice.Resp.Connection;

/// <summary>
/// One command on its way: the entry of the ring, the pending reply and the source of the caller's <see cref="ValueTask"/>, in one pooled object.
/// </summary>
/// <remarks>
/// <code>
/// Free --Begin--> Pending --reader claims--> Delivering --> Settled
///                    |                                         ^
///                    +-----cancelled, too late, connection lost+
/// </code>
/// <para>One compare-and-swap on <c>_word</c> (use number and phase) decides between reply, deadline, cancellation and failure. The use number makes a clock that
/// looked at a slot while it was recycled fail its swap: what it read belongs to the same use or has no effect.</para>
/// <para>Two parties hold the slot: the queue it stands in (ring or backlog) and the caller. It is free when both have let go, in any order: an abandoned command keeps
/// its place in the ring until its reply was swallowed, and a caller that never awaits costs a slot object, not a place in the ring.</para>
/// <para>The result is written by the settling thread before <see cref="Signal"/>; the caller reads it after. <see cref="Signal"/> runs the caller's continuation, so only the
/// dispatcher calls it.</para>
/// </remarks>
internal sealed partial class ReplySlot
{
    private const int PhaseBits = 2;
    private const long PhaseMask = (1 << PhaseBits) - 1;
    private const long Free = 0, Pending = 1, Delivering = 2, Settled = 3;

    private const int LargestKeptFrame = 4096;

    private static readonly Action<object?, CancellationToken> OnCancelled = static (state, token) => ((ReplySlot)state!).CancelledByCaller(token);

    private readonly SlotPool _pool;
    private SlotCompletion _core;
    private long _word;
    private int _holds;
    private CancellationTokenRegistration _registration;
    private CancellationToken _cancellation;
    private ReplyDispatcher? _dispatcher;
    private Exception? _failure;
    private SlotObserver? _observer;
    private byte[]? _frame;
    private int _frameLength;

    public ReplySlot(SlotPool pool)
    {
        _pool = pool;
        _core = new SlotCompletion(this);
    }

    /// <summary>The next in the dispatcher's queue, the backlog or the pool: a slot stands in at most one of them.</summary>
    public ReplySlot? Next;

    /// <summary>When it is too late, in the clock's milliseconds; <see cref="long.MaxValue"/> = never.</summary>
    public long Deadline { get; private set; } = long.MaxValue;

    /// <summary>How long that was, for messages; milliseconds.</summary>
    public int Timeout { get; private set; }

    /// <summary>What may be tried when the server refuses; null = nothing, or it was tried.</summary>
    public ReplyFallback? Fallback { get; set; }

    /// <summary>One form of the command went out already: whatever becomes of the other, the command may have run. The queue's holder only.</summary>
    public bool WasSent { get; set; }

    /// <summary>The frame holds a password: every copy of it in pooled memory is wiped. Before the slot is sent, or its frame kept.</summary>
    public bool HoldsSecret { get; set; }

    /// <summary>Who is told before the caller is; null = nobody. Before the slot is sent.</summary>
    public SlotObserver? Observer
    {
        get => _observer;
        set => _observer = value;
    }

    /// <summary>The frame that <see cref="KeepFrame"/> kept; empty when none.</summary>
    public ReadOnlySpan<byte> Frame => _frame.AsSpan(0, _frameLength);

    /// <summary>The token for the caller's <see cref="ValueTask"/>.</summary>
    public short Token => _core.Version;

    /// <summary>True until somebody settled or claimed it.</summary>
    public bool IsPending => (Volatile.Read(ref _word) & PhaseMask) == Pending;

    /// <summary>True until somebody settled it; a claim may be taken back.</summary>
    public bool IsUnsettled => (Volatile.Read(ref _word) & PhaseMask) is Pending or Delivering;

    /// <summary>Begins a use. The pool calls it; the caller sets kind and destination before the slot is shared.</summary>
    public void Begin(ReplyDispatcher dispatcher, ReplyKind kind, long deadline, int timeout)
    {
        Debug.Assert((_word & PhaseMask) == Free, "a slot is rented by one caller at a time");
        _dispatcher = dispatcher;
        _kind = kind;
        _holds = 2;
        Deadline = deadline;
        Timeout = timeout;
        // Everything above is visible to whoever sees the new word.
        Volatile.Write(ref _word, (((_word >> PhaseBits) + 1) << PhaseBits) | Pending);
    }

    /// <summary>Watches the caller's token, once per use and before the slot is in any queue. The callback may come before this returns.</summary>
    public void Watch(CancellationToken cancellation)
    {
        _cancellation = cancellation;
        _registration = cancellation.UnsafeRegister(OnCancelled, this);
    }

    /// <summary>Keeps a copy of the frame, for a wait in the backlog or for a fallback. The memory stays with the slot while it is small.</summary>
    public void KeepFrame(ReadOnlySpan<byte> frame)
    {
        if (_frame is null || _frame.Length < frame.Length)
        {
            if (_frame is not null)
                ArrayPool<byte>.Shared.Return(_frame);
            _frame = ArrayPool<byte>.Shared.Rent(frame.Length);
        }

        frame.CopyTo(_frame);
        _frameLength = frame.Length;
    }

    /// <summary>Lets the kept frame go.</summary>
    public void DropFrame()
    {
        if (HoldsSecret)
            _frame.AsSpan(0, _frameLength).Clear();
        _frameLength = 0;
        if (_frame is { Length: > LargestKeptFrame })
        {
            ArrayPool<byte>.Shared.Return(_frame);
            _frame = null;
        }
    }

    /// <summary>The reader takes the right to write the result. False: nobody waits any more.</summary>
    public bool TryClaim() => TryMove(Volatile.Read(ref _word), Delivering);

    /// <summary>The reader has written the result, or the failure.</summary>
    public void Settle() => Volatile.Write(ref _word, (_word & ~PhaseMask) | Settled);

    /// <summary>The reader takes its claim back: more replies come, or the command goes out once more (see <see cref="Fallback"/>).</summary>
    public void Unclaim()
    {
        // Who cancelled during the claim found nothing to cancel and won't come again. The exchange orders the word before the look at the token:
        // a cancellation either finds Pending or is found here.
        Interlocked.Exchange(ref _word, (_word & ~PhaseMask) | Pending);
        CancellationToken cancellation = _cancellation;
        if (cancellation.IsCancellationRequested)
            CancelledByCaller(cancellation);
    }

    /// <summary>Settles with a failure unless somebody else settled first; the caller of this posts the slot to the dispatcher when it returns true.</summary>
    public bool TryFail(Exception failure)
    {
        if (!TryMove(Volatile.Read(ref _word), Delivering))
            return false;
        _failure = failure;
        Settle();
        return true;
    }

    /// <summary>True when its time is over; <paramref name="use"/> is what <see cref="TryTakeLate"/> wants.</summary>
    public bool IsLate(long now, out long use)
    {
        // The word first: if it is unchanged when it is swapped, the deadline read in between belongs to that use.
        use = Volatile.Read(ref _word);
        return (use & PhaseMask) == Pending && now >= Deadline;
    }

    /// <summary>The clock takes the right to fail it, for the use that was looked at and no later one; <see cref="FailTaken"/> follows.</summary>
    public bool TryTakeLate(long use) => TryMove(use, Delivering);

    /// <summary>Settles with a failure what <see cref="TryTakeLate"/> took; the caller of this posts the slot.</summary>
    public void FailTaken(Exception failure)
    {
        _failure = failure;
        Settle();
    }

    /// <summary>Completes the caller's task. Runs the caller's continuation on this thread: dispatcher only, once, after it was settled.</summary>
    public void Signal()
    {
        // A token that outlives the command must not hold the slot of a caller that never looks.
        if (_cancellation.CanBeCanceled)
            _registration.Unregister();
        // Once: what it does is done before the caller goes on.
        if (_observer is not null && Interlocked.Exchange(ref _observer, null) is { } observer)
            observer.OnEnded(_failure);
        _core.Complete(_failure);
    }

    /// <summary>Somebody awaits a command that was signalled: the dispatcher signals once more. Inside the awaiter's call, so the caller still holds the slot.</summary>
    public void PostLateContinuation() => _dispatcher!.Post(this);

    /// <summary>The caller changes its mind before the slot was sent.</summary>
    public void Discard()
    {
        if (TryFail(new OperationCanceledException("The command was never sent.")))
            EndByCaller();

        // A cancellation that came first gave it to the dispatcher: then nobody takes the result, and it is never used again.
        Release();
    }

    /// <summary>The queue, or the caller, lets go.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _holds) != 0)
            return;
        Recycle();
    }

    private void Recycle()
    {
        _failure = null;
        _observer = null;
        _object = null;
        _destination = default;
        _collector = null;
        _collected = 0;
        _expected = 1;
        _isNull = false;
        _precedingFailure = null;
        _dispatcher = null;
        Fallback = null;
        WasSent = false;
        Deadline = long.MaxValue;
        DropFrame();
        HoldsSecret = false;
        Volatile.Write(ref _word, _word & ~PhaseMask);
        _pool.Return(this);
    }

    /// <summary>The caller has its result: nothing of this use may reach the next.</summary>
    private void EndByCaller()
    {
        // Waits for a callback that runs on another thread (never for one that led here).
        _registration.Dispose();
        _registration = default;
        _cancellation = default;
        // Here and not when it is recycled, which may be much later: the caller's second look at the same task must find its token stale.
        _core.Reset();
        Release();
    }

    private void CancelledByCaller(CancellationToken cancellation)
    {
        ReplyDispatcher? dispatcher = _dispatcher;
        if (TryFail(new OperationCanceledException(cancellation)))
            dispatcher!.Post(this);
    }

    private bool TryMove(long use, long phase) =>
        (use & PhaseMask) == Pending && Interlocked.CompareExchange(ref _word, (use & ~PhaseMask) | phase, use) == use;
}
