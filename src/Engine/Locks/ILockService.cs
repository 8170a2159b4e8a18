using System.Collections.Immutable;

namespace Sluice;

/// <summary>Locks between everything that shares a coordinator: <see cref="SluiceEngine.Locks"/>.</summary>
/// <remarks>
/// Thread-safe. Objects are cheap, hold nothing, and need no disposal; two of the same name and kind are the same lock. A name has 1 to 512 bytes of UTF-8; kinds have
/// names of their own: a mutex and a semaphore of one name know nothing of each other. All methods of the locks throw <see cref="ObjectDisposedException"/> once the engine
/// stops, and <see cref="CoordinatorException"/> when the coordinator does not answer until the time-out.
/// </remarks>
public interface ILockService
{
    /// <summary>One holder at a time.</summary>
    /// <param name="name">The lock.</param>
    /// <param name="options">How it is used; null = the defaults.</param>
    IMutex Mutex(string name, LockOptions? options = null);

    /// <summary>As many holders at a time as there are leases. A lease belongs to its handle, and comes back when its process dies.</summary>
    /// <param name="name">The lock.</param>
    /// <param name="maxLeases">1 to 100,000. Processes that disagree are each granted below their own number.</param>
    /// <param name="options">How it is used; null = the defaults. An owner is only for reports: each acquisition is a lease of its own.</param>
    IMutex Semaphore(string name, int maxLeases, LockOptions? options = null);

    /// <summary>Readers together, or one writer alone.</summary>
    /// <param name="name">The lock.</param>
    /// <param name="options">How it is used; null = the defaults: writers don't starve.</param>
    IReaderWriterLock ReaderWriterLock(string name, LockOptions? options = null);

    /// <summary>
    /// Several mutexes at once, all or none: those that share a partition of the coordinator in one request, the others in an order that all processes keep,
    /// so that two of them can't wait for each other.
    /// </summary>
    /// <param name="names">The mutexes: 1 to 256 different names.</param>
    /// <param name="options">How they are used; null = the defaults. An owner is only for reports.</param>
    IMultiLock MultiLock(IEnumerable<string> names, LockOptions? options = null);

    /// <summary>Where as many meet as there are participants; all of them go on together. It can be used again and again.</summary>
    /// <param name="name">The barrier.</param>
    /// <param name="participants">1 to 100,000.</param>
    IBarrier Barrier(string name, int participants);

    /// <summary>Opens when it has been signalled often enough, and stays open until it is reset or the signals are forgotten.</summary>
    /// <param name="name">The latch.</param>
    /// <param name="count">1 to 100,000.</param>
    /// <param name="remembered">How long after it a signal counts, 1 s to 30 days. Null = a day.</param>
    ICountdownLatch CountdownLatch(string name, int count, TimeSpan? remembered = null);

    /// <summary>One leader at a time: a mutex of a name of its own.</summary>
    /// <param name="name">The office.</param>
    /// <param name="options">How it is used; null = the defaults.</param>
    ILeaderElection LeaderElection(string name, LockOptions? options = null);

    /// <summary>
    /// Finds owners that wait for each other, in all processes. Looks twice, so that what it reports was so for a while. For people and monitoring: it reads
    /// every lock that somebody waits for.
    /// </summary>
    /// <param name="cancellation">Stops.</param>
    ValueTask<ImmutableArray<LockDeadlock>> FindDeadlocksAsync(CancellationToken cancellation = default);
}

/// <summary>A lock with one holder, or with as many as a semaphore has leases.</summary>
public interface IMutex
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Acquires, or says that it can't.</summary>
    /// <param name="timeout">How long to wait; 0 = not at all, <see cref="Timeout.InfiniteTimeSpan"/> = as long as it takes.</param>
    /// <param name="cancellation">Stops waiting; nothing is left behind.</param>
    /// <returns>The handle, or null: somebody else had it all the time.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    ValueTask<LockHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellation = default);

    /// <summary>Acquires.</summary>
    /// <param name="timeout">How long to wait. Null = <see cref="LockOptions.AcquireTimeout"/>.</param>
    /// <param name="cancellation">Stops waiting; nothing is left behind.</param>
    /// <exception cref="LockTimeoutException">Somebody else had it all the time.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    ValueTask<LockHandle> AcquireAsync(TimeSpan? timeout = null, CancellationToken cancellation = default);

    /// <summary>Acquires at once or not at all, without a wait of any kind. Allocates the handle and nothing else while nobody else wants the lock.</summary>
    /// <exception cref="NotSupportedException">The coordinator is not in this process: asking it takes time, and blocking a thread for it would not be honest.</exception>
    LockHandle? TryAcquire();

    /// <summary>Who holds, and who waits, in order.</summary>
    /// <param name="cancellation">Stops.</param>
    ValueTask<LockParticipants> GetParticipantsAsync(CancellationToken cancellation = default);

    /// <summary>Asks the holders to let go: their <see cref="LockHandle.RevocationToken"/> is cancelled. Nothing forces them.</summary>
    /// <param name="cancellation">Stops.</param>
    /// <returns>How many were asked.</returns>
    ValueTask<int> RequestRevocationAsync(CancellationToken cancellation = default);
}

/// <summary>Readers together, or one writer alone.</summary>
public interface IReaderWriterLock
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Acquires, or says that it can't.</summary>
    /// <param name="access">What for.</param>
    /// <param name="timeout">How long to wait; 0 = not at all, <see cref="Timeout.InfiniteTimeSpan"/> = as long as it takes.</param>
    /// <param name="cancellation">Stops waiting; nothing is left behind.</param>
    /// <returns>The handle, or null: others had it all the time.</returns>
    /// <exception cref="InvalidOperationException">The owner reads already and wants to write: it would wait for itself.</exception>
    ValueTask<ReaderWriterLockHandle?> TryAcquireAsync(LockAccess access, TimeSpan timeout = default, CancellationToken cancellation = default);

    /// <summary>Acquires.</summary>
    /// <param name="access">What for.</param>
    /// <param name="timeout">How long to wait. Null = <see cref="LockOptions.AcquireTimeout"/>.</param>
    /// <param name="cancellation">Stops waiting; nothing is left behind.</param>
    /// <exception cref="LockTimeoutException">Others had it all the time.</exception>
    /// <exception cref="InvalidOperationException">The owner reads already and wants to write: it would wait for itself.</exception>
    ValueTask<ReaderWriterLockHandle> AcquireAsync(LockAccess access, TimeSpan? timeout = null, CancellationToken cancellation = default);

    /// <summary>Who holds, and who waits, in order.</summary>
    /// <param name="cancellation">Stops.</param>
    ValueTask<LockParticipants> GetParticipantsAsync(CancellationToken cancellation = default);

    /// <summary>Asks the holders to let go: their <see cref="LockHandle.RevocationToken"/> is cancelled. Nothing forces them.</summary>
    /// <param name="cancellation">Stops.</param>
    /// <returns>How many were asked.</returns>
    ValueTask<int> RequestRevocationAsync(CancellationToken cancellation = default);
}

/// <summary>Several mutexes, all or none.</summary>
public interface IMultiLock
{
    /// <summary>Their names, in ordinal order.</summary>
    ImmutableArray<string> Names { get; }

    /// <summary>Acquires all, or says that it can't and has none.</summary>
    /// <param name="timeout">How long to wait; 0 = not at all, <see cref="Timeout.InfiniteTimeSpan"/> = as long as it takes.</param>
    /// <param name="cancellation">Stops waiting; nothing is left behind.</param>
    ValueTask<MultiLockHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellation = default);

    /// <summary>Acquires all.</summary>
    /// <param name="timeout">How long to wait. Null = <see cref="LockOptions.AcquireTimeout"/>.</param>
    /// <param name="cancellation">Stops waiting; nothing is left behind.</param>
    /// <exception cref="LockTimeoutException">Others had one of them all the time.</exception>
    ValueTask<MultiLockHandle> AcquireAsync(TimeSpan? timeout = null, CancellationToken cancellation = default);
}

/// <summary>Where a number of participants meet.</summary>
public interface IBarrier
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>How many meet.</summary>
    int Participants { get; }

    /// <summary>Comes, and waits until the others have come. Who gives up, or dies, has not come.</summary>
    /// <param name="timeout">How long to wait, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>Whether all have come.</returns>
    /// <exception cref="CoordinatorException">
    /// The coordinator did not say. With <see cref="RequestOutcome.Unknown"/> all may have come: because there was no answer, or the engine lost its session
    /// (<see cref="EngineLockOptions.LeaseDuration"/>) while it waited. Coming once more would be coming to the next meeting.
    /// </exception>
    ValueTask<bool> SignalAndWaitAsync(TimeSpan timeout, CancellationToken cancellation = default);
}

/// <summary>Opens when it has been signalled often enough.</summary>
public interface ICountdownLatch
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>How many signals open it.</summary>
    int Count { get; }

    /// <summary>Counts once. What it counted stays, whatever becomes of this process.</summary>
    /// <param name="cancellation">Stops waiting for the answer: then it may have counted or not.</param>
    /// <exception cref="CoordinatorException">Its outcome says whether it may have counted.</exception>
    ValueTask SignalAsync(CancellationToken cancellation = default);

    /// <summary>Waits until it is open.</summary>
    /// <param name="timeout">How long to wait, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <returns>Whether it is open.</returns>
    /// <exception cref="CoordinatorException">
    /// The coordinator did not say. With <see cref="RequestOutcome.Unknown"/> it may have been open meanwhile: because there was no answer, or the engine lost its
    /// session (<see cref="EngineLockOptions.LeaseDuration"/>) while it waited. Waiting once more is right unless somebody resets the latch.
    /// </exception>
    ValueTask<bool> WaitAsync(TimeSpan timeout, CancellationToken cancellation = default);

    /// <summary>How many signals it still needs.</summary>
    /// <param name="cancellation">Stops.</param>
    ValueTask<int> GetRemainingAsync(CancellationToken cancellation = default);

    /// <summary>Forgets all signals: it is closed again.</summary>
    /// <param name="cancellation">Stops.</param>
    ValueTask ResetAsync(CancellationToken cancellation = default);
}

/// <summary>One leader at a time.</summary>
public interface ILeaderElection
{
    /// <summary>The office.</summary>
    string Name { get; }

    /// <summary>Whether a campaign of this object leads now.</summary>
    bool IsLeader { get; }

    /// <summary>
    /// Waits until it is the leader, leads, and resigns when <paramref name="lead"/> returns. When the leadership is lost, the token that
    /// <paramref name="lead"/> got is cancelled; when it has returned (or thrown <see cref="OperationCanceledException"/>), it stands for election again.
    /// </summary>
    /// <param name="lead">What the leader does. Gets the handle, whose token fences its writes, and a token that is cancelled when it must stop.</param>
    /// <param name="cancellation">Ends the campaign or the leadership.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    Task RunAsync(Func<LockHandle, CancellationToken, Task> lead, CancellationToken cancellation = default);

    /// <summary>Who leads, and who waits for it.</summary>
    /// <param name="cancellation">Stops.</param>
    ValueTask<LockParticipants> GetParticipantsAsync(CancellationToken cancellation = default);
}
