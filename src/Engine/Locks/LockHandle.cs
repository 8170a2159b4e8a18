namespace Sluice;

/// <summary>How a handle stands.</summary>
public enum LockHandleState
{
    /// <summary>It holds, and the coordinator was heard of lately.</summary>
    Held,

    /// <summary>It holds until <see cref="LockHandle.Remaining"/> is over, but the coordinator does not answer: finish, or prepare to lose it.</summary>
    Suspended,

    /// <summary>Others may hold meanwhile. For ever.</summary>
    Lost,

    /// <summary>It was released.</summary>
    Released,
}

/// <summary>What a release did.</summary>
public enum ReleaseOutcome
{
    /// <summary>It was held until this release.</summary>
    Released,

    /// <summary>It had been lost before: others may have held meanwhile.</summary>
    AlreadyLost,

    /// <summary>The coordinator did not answer in time. The lock is free at the latest when its lease ends; the engine goes on trying.</summary>
    Unknown,
}

/// <summary>A lock that was acquired, until it is released, lost, or disposed of.</summary>
/// <remarks>
/// All members are thread-safe; the handle is the holder, no thread is. A lease can't stop a process that was paused between its look at the handle and its
/// write: pass <see cref="FencingToken"/> to where the write ends up, and let that refuse lower ones.
/// </remarks>
public abstract class LockHandle : IAsyncDisposable
{
    /// <summary>
    /// Above 0, and higher than that of every earlier holder of this lock. Becomes higher when an upgradeable reader becomes the writer.
    /// </summary>
    public abstract long FencingToken { get; }

    /// <summary>
    /// Cancelled when the lock is lost, before anybody else can have it (unless this process did not run at that moment: then at once when it runs again). Not
    /// cancelled by a release. Callbacks run on a thread of their own, one after the other: keep them short.
    /// </summary>
    /// <remarks>
    /// A server whose clock is set forward ends leases early and grants the lock to somebody else at once: then there are two holders, and this token is cancelled
    /// with the next renewal, up to a third of <see cref="EngineLockOptions.LeaseDuration"/> after the other one was granted. The same holds for a server that
    /// has lost the grant. Only a check of the <see cref="FencingToken"/> where the work ends up excludes the first holder meanwhile.
    /// </remarks>
    public abstract CancellationToken LostToken { get; }

    /// <summary>Cancelled when somebody asks the holder to let go (<c>RequestRevocationAsync</c>). The lock is held all the same.</summary>
    public abstract CancellationToken RevocationToken { get; }

    /// <summary>How it stands now: computed from the clock at every call.</summary>
    public abstract LockHandleState State { get; }

    /// <summary>Whether it is held now: <see cref="LockHandleState.Held"/> or <see cref="LockHandleState.Suspended"/>.</summary>
    public virtual bool IsHeld => State is LockHandleState.Held or LockHandleState.Suspended;

    /// <summary>
    /// How long it is held at least if the coordinator is not heard of any more: 0 when lost or released, <see cref="Timeout.InfiniteTimeSpan"/> when nothing
    /// limits it (in one process, without <see cref="LockOptions.MaxHold"/>).
    /// </summary>
    public abstract TimeSpan Remaining { get; }

    /// <summary>
    /// Lets go. Returns when the coordinator has answered, or when the lease is over. A repeated call returns what the first one did.
    /// </summary>
    /// <param name="cancellation">Stops waiting for the answer; the release goes on.</param>
    public abstract ValueTask<ReleaseOutcome> ReleaseAsync(CancellationToken cancellation = default);

    /// <summary>Releases, if that has not been done. Never throws because of the coordinator.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await ReleaseAsync().ConfigureAwait(false);
    }
}

/// <summary>What a handle of a reader-writer lock may do.</summary>
public enum LockAccess
{
    /// <summary>Read, with other readers.</summary>
    Read,

    /// <summary>Read, with other readers; one at a time may become the writer.</summary>
    UpgradeableRead,

    /// <summary>Write, alone.</summary>
    Write,
}

/// <summary>A handle of a reader-writer lock.</summary>
public abstract class ReaderWriterLockHandle : LockHandle
{
    /// <summary>What it may do now.</summary>
    public abstract LockAccess Access { get; }

    /// <summary>
    /// From upgradeable reader to writer, when the other readers have left; newcomers wait meanwhile. The token rises. Conversions of one handle come one after the
    /// other: a second one waits for the first.
    /// </summary>
    /// <remarks>
    /// An upgrade that is not had is taken back at the coordinator. A coordinator that does not answer delays the caller by half a second at most (with a time-out
    /// of 0 by little more than <see cref="EngineOptions.RequestTimeout"/>); the taking back goes on until it is answered or the lock is lost. Until then the
    /// coordinator may keep others out as if this were the writer, and further conversions of this handle wait. A release does not.
    /// </remarks>
    /// <param name="timeout">How long to wait; 0 = not at all, <see cref="Timeout.InfiniteTimeSpan"/> = as long as it takes.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>Whether it is the writer. If not, it is what it was.</returns>
    /// <exception cref="InvalidOperationException">It is a plain reader, which can't become a writer: two of them would wait for each other.</exception>
    /// <exception cref="LockLostException">The lock was lost.</exception>
    public abstract ValueTask<bool> TryUpgradeAsync(TimeSpan timeout, CancellationToken cancellation = default);

    /// <summary>From writer to upgradeable or plain reader, or from upgradeable to plain reader, at once, without a gap in which another writer could come.</summary>
    /// <param name="access">What it shall be: not more than it is.</param>
    /// <param name="cancellation">Stops waiting for the answer.</param>
    /// <exception cref="InvalidOperationException">
    /// It would be more than it is; or its <see cref="LockOwner"/> has several handles on the lock, whose access it would take away.
    /// </exception>
    /// <exception cref="LockLostException">The lock was lost.</exception>
    public abstract ValueTask DowngradeAsync(LockAccess access, CancellationToken cancellation = default);
}
