using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>What a push tells a session.</summary>
internal enum LockWakeKind
{
    /// <summary>A waiter was granted, or an upgrade.</summary>
    Granted,

    /// <summary>Somebody asks the holder to let go.</summary>
    RevocationRequested,

    /// <summary>The bound of a hold has passed.</summary>
    HoldEnded,

    /// <summary>The session is dead, and everything that belonged to it.</summary>
    SessionEnded,
}

/// <summary>A push to the session of a handle. May be lost, doubled, or late: whoever gets it knows what it asked for, and looks up what it missed.</summary>
/// <param name="Session">The session.</param>
/// <param name="Number">The handle; 0 with <see cref="LockWakeKind.SessionEnded"/>.</param>
/// <param name="Token">With <see cref="LockWakeKind.Granted"/>: the token, which saves asking for it.</param>
/// <param name="At">Server time.</param>
internal readonly record struct LockWake(LockWakeKind Kind, IncarnationId Session, long Number, long Token, long At);

/// <summary>Who receives the pushes of one engine. Calls come from any thread, also from within a request of the same engine: return at once.</summary>
internal interface ILockWakeSink
{
    void OnWake(int partition, in LockWake wake);

    /// <summary>Pushes of the partition may have been lost: look up what waits there.</summary>
    void OnGap(int partition);

    /// <summary>Pushes are not heard for now; the adapter goes on trying, and tells the gap when they are. For the log.</summary>
    void OnDeaf(Exception error)
    {
    }
}
