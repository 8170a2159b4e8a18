using System.Runtime.CompilerServices;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>
/// One handle of this engine that has been granted. The only object that an uncontended acquisition allocates: what is rarely wanted (tokens of
/// cancellation, bounds) is made when it is asked for.
/// </summary>
internal sealed class HeldLock : ReaderWriterLockHandle
{
    private const int Holding = 0;
    private const int Releasing = 1;
    private const int LostForEver = 2;
    private const int NotYet = -1;

    // Of handles that are being converted: one conversion at a time, and almost none is.
    private static readonly ConditionalWeakTable<HeldLock, SemaphoreSlim> Conversions = [];

    private readonly EngineSession _session;
    private readonly ResourceKey? _thin;
    private CancellationTokenSource? _lost;
    private CancellationTokenSource? _revoked;
    private TaskCompletionSource<ReleaseOutcome>? _released;
    private long _token;
    private long _step;
    private int _mode;
    private int _phase;
    private int _outcome = NotYet;
    private int _isRevocationRequested;

    // The server may hold more than is believed here, since a downgrade was not answered. Guarded by the gate of conversions.
    private bool _isUnsure;

    /// <param name="session">What it belongs to.</param>
    /// <param name="number">Its number there.</param>
    /// <param name="mode">What it holds.</param>
    /// <param name="token">Its token.</param>
    /// <param name="boundUntil">When its bound has passed, on the lease clock, less the margin.</param>
    /// <param name="isDoubtful">A copy of its acquire may still be under way.</param>
    /// <param name="thin">The resource, if it was taken without a request.</param>
    public HeldLock(EngineSession session, long number, LockMode mode, long token, long boundUntil, bool isDoubtful, ResourceKey? thin)
    {
        _session = session;
        Number = number;
        _mode = (int)mode;
        _token = token;
        BoundUntil = boundUntil;
        IsDoubtful = isDoubtful;
        _thin = thin;
    }

    public long Number { get; }

    public long BoundUntil { get; }

    public bool IsDoubtful { get; }

    /// <summary>Neighbours in the session's list; guarded by the session.</summary>
    public HeldLock? Previous { get; set; }

    public HeldLock? Next { get; set; }

    public bool IsListed { get; set; }

    public LockMode Mode => (LockMode)Volatile.Read(ref _mode);

    public override long FencingToken => Volatile.Read(ref _token);

    public override LockAccess Access => Mode switch
    {
        LockMode.Shared => LockAccess.Read,
        LockMode.Upgradeable => LockAccess.UpgradeableRead,
        _ => LockAccess.Write,
    };

    public override CancellationToken LostToken
    {
        get
        {
            // Who loses the lock writes the phase, then looks for a source; this makes a source, then looks at the phase: one of them sees the other.
            CancellationTokenSource lost = Made(ref _lost);
            if (Volatile.Read(ref _phase) == LostForEver)
                lost.Cancel();
            return lost.Token;
        }
    }

    public override CancellationToken RevocationToken
    {
        get
        {
            CancellationTokenSource revoked = Made(ref _revoked);
            if (Volatile.Read(ref _isRevocationRequested) != 0)
                revoked.Cancel();
            return revoked.Token;
        }
    }

    public override LockHandleState State => Volatile.Read(ref _phase) switch
    {
        Releasing => LockHandleState.Released,
        LostForEver => LockHandleState.Lost,
        _ => !IsGood() ? LockHandleState.Lost : _session.IsInDoubt ? LockHandleState.Suspended : LockHandleState.Held,
    };

    public override TimeSpan Remaining
    {
        get
        {
            if (!IsHeld)
                return TimeSpan.Zero;
            long until = Math.Min(BoundUntil, _session.ValidUntil);
            return until == Durations.Never ? Timeout.InfiniteTimeSpan : TimeSpan.FromMicroseconds(Math.Max(0, until - _session.Clock.Now));
        }
    }

    public override async ValueTask<bool> TryUpgradeAsync(TimeSpan timeout, CancellationToken cancellation = default)
    {
        LockDeadline deadline = LockDeadline.After(_session.Clock, timeout);
        if (Mode is not (LockMode.Exclusive or LockMode.Upgradeable))
            throw CannotUpgrade();
        SemaphoreSlim converting = Converting();
        if (!await deadline.TryEnterAsync(converting, cancellation).ConfigureAwait(false))
            return IsHeld ? false : throw new LockLostException();
        Task takenBack = Task.CompletedTask;
        try
        {
            switch (Mode)
            {
                case LockMode.Exclusive:
                    return IsHeld ? true : throw new LockLostException();
                case LockMode.Upgradeable:
                    break;
                default:
                    throw CannotUpgrade();
            }

            (bool isGranted, long token) = await _session.UpgradeAsync(this, Interlocked.Increment(ref _step), deadline, cancellation).ConfigureAwait(false);
            if (isGranted)
            {
                Converted(LockMode.Exclusive, token);
                return true;
            }

            if (IsHeld)
            {
                // Back to what it is. The caller does not wait long for a server that does not answer; the next conversion does.
                takenBack = _session.TakeBackUpgradeAsync(this, Interlocked.Increment(ref _step));
                if (await takenBack.IsAnsweredAsync(_session.Terms.Grace, _session.Clock.Time, CancellationToken.None).ConfigureAwait(false))
                    await takenBack.ConfigureAwait(false);
            }

            cancellation.ThrowIfCancellationRequested();
            return IsHeld ? false : throw new LockLostException();
        }
        finally
        {
            _ = LeaveAsync(converting, takenBack);
        }
    }

    /// <summary>The next conversion comes after what this one has left behind.</summary>
    private static async Task LeaveAsync(SemaphoreSlim converting, Task leftBehind)
    {
        await leftBehind.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        converting.Release();
    }

    public override async ValueTask DowngradeAsync(LockAccess access, CancellationToken cancellation = default)
    {
        LockMode wanted = access switch
        {
            LockAccess.Read => LockMode.Shared,
            LockAccess.UpgradeableRead => LockMode.Upgradeable,
            _ => LockMode.Exclusive,
        };
        SemaphoreSlim converting = Converting();
        await converting.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            LockMode mode = Mode;
            if (mode == wanted && IsHeld && !_isUnsure)
                return;
            if ((mode == LockMode.Shared && wanted != LockMode.Shared) || wanted == LockMode.Exclusive)
                throw new InvalidOperationException($"A handle with {Access} access can't be downgraded to {access}.");
            long token;
            try
            {
                token = await _session.ConvertAsync(this, Interlocked.Increment(ref _step), wanted, cancellation).ConfigureAwait(false);
            }
            catch (Exception unanswered) when (unanswered is CoordinatorException or OperationCanceledException)
            {
                // It may have happened, and others may be in: believing less is right in any case.
                _isUnsure = true;
                Converted(wanted, FencingToken);
                throw;
            }

            _isUnsure = false;
            Converted(wanted, token);
        }
        finally
        {
            converting.Release();
        }
    }

    public override ValueTask<ReleaseOutcome> ReleaseAsync(CancellationToken cancellation = default)
    {
        if (Interlocked.CompareExchange(ref _phase, Releasing, Holding) != Holding)
            return ReleasedBeforeAsync(cancellation);
        if (_thin is null || !_session.TryFree(this, _thin))
            return ReleaseCoreAsync(cancellation);
        Settled(ReleaseOutcome.Released);
        return new ValueTask<ReleaseOutcome>(ReleaseOutcome.Released);
    }

    /// <summary>Lost, once. False: it was lost or released before.</summary>
    public bool TryLose() => Interlocked.CompareExchange(ref _phase, LostForEver, Holding) == Holding;

    /// <summary>Whether somebody wants to be told of the loss.</summary>
    public bool HasListeners => Volatile.Read(ref _lost) is not null;

    /// <summary>Runs callbacks of the application.</summary>
    public void AnnounceLoss() => Volatile.Read(ref _lost)?.Cancel();

    public void RequestRevocation()
    {
        // The application's callbacks run on the pool: this thread has pushes or renewals to look after.
        if (Interlocked.Exchange(ref _isRevocationRequested, 1) == 0 && Volatile.Read(ref _revoked) is { } revoked)
            _ = revoked.CancelAsync();
    }

    private static CancellationTokenSource Made(ref CancellationTokenSource? source)
    {
        if (Volatile.Read(ref source) is { } found)
            return found;
        CancellationTokenSource made = new();
        return Interlocked.CompareExchange(ref source, made, null) ?? made;
    }

    private static InvalidOperationException CannotUpgrade() =>
        new("A plain reader can't become the writer: two that want to would wait for each other. Acquire an upgradeable reader.");

    /// <summary>Two upgrades at once would both wait under the handle's number, and the first would not be told.</summary>
    private SemaphoreSlim Converting() => Conversions.GetValue(this, static _ => new SemaphoreSlim(1, 1));

    private void Converted(LockMode mode, long token)
    {
        Volatile.Write(ref _token, token);
        Volatile.Write(ref _mode, (int)mode);
    }

    private bool IsGood()
    {
        if (BoundUntil != Durations.Never && _session.Clock.Now >= BoundUntil)
        {
            _session.LoseBound(this);
            return false;
        }

        return _session.IsGood();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReleaseOutcome> ReleaseCoreAsync(CancellationToken cancellation)
    {
        ReleaseOutcome outcome = await _session.ReleaseAsync(this, cancellation).ConfigureAwait(false);
        Settled(outcome);
        return outcome;
    }

    private void Settled(ReleaseOutcome outcome)
    {
        // As with the lost token: the outcome is written, then the source looked for; who waits makes the source, then looks for the outcome.
        Interlocked.Exchange(ref _outcome, (int)outcome);
        Volatile.Read(ref _released)?.TrySetResult(outcome);
    }

    private async ValueTask<ReleaseOutcome> ReleasedBeforeAsync(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _phase) == LostForEver)
            return ReleaseOutcome.AlreadyLost;
        if (Volatile.Read(ref _released) is null)
            Interlocked.CompareExchange(ref _released, new TaskCompletionSource<ReleaseOutcome>(TaskCreationOptions.RunContinuationsAsynchronously), null);
        return Volatile.Read(ref _outcome) is var outcome && outcome != NotYet
            ? (ReleaseOutcome)outcome
            : await _released!.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }
}
