namespace Sluice.Locking;

/// <summary>How a wait of this engine ended.</summary>
internal enum WaitEnd
{
    Granted,

    /// <summary>The server does not know of it any more: ask again.</summary>
    Forgotten,

    /// <summary>It does not fit, and was not to wait: nothing is left of it.</summary>
    Busy,

    /// <summary>It was granted at the moment at which the caller's time was up, and has been given back: those who meet have met.</summary>
    Met,

    /// <summary>The session is dead: begin anew in another one.</summary>
    SessionLost,

    /// <summary>The engine is being stopped.</summary>
    Stopped,

    /// <summary>The caller's time was up, or it was cancelled.</summary>
    GivenUp,
}

/// <summary>
/// A handle of this engine that waits to be granted. Registered before its request is sent, so that no push comes too early; the first to end it decides.
/// </summary>
/// <param name="isUpgrade">Whether a holder waits to become exclusive.</param>
/// <param name="gap">The last gap in the pushes that was known when it asked.</param>
internal sealed class LockWaiting(bool isUpgrade, long gap)
{
    private readonly TaskCompletionSource<(WaitEnd End, long Token, long At)> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isQueued;

    public bool IsUpgrade => isUpgrade;

    public long Gap => gap;

    /// <summary>The server has said that it waits: only then is "unknown" an answer about it.</summary>
    public bool IsQueued { get => Volatile.Read(ref _isQueued); set => Volatile.Write(ref _isQueued, value); }

    public Task<(WaitEnd End, long Token, long At)> Task => _end.Task;

    public bool TryEnd(WaitEnd end, long token = 0, long at = 0) => _end.TrySetResult((end, token, at));
}
