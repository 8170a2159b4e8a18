namespace Sluice;

/// <summary>Why a session ended: the first question that is asked about a completion.</summary>
public enum CompletionReason
{
    /// <summary>The last holder's session was idle for the soft period, or nobody updated the resource for the inactivity gap.</summary>
    Idle = 0,

    /// <summary>The hard period since the session's first update ran out.</summary>
    HardDeadline = 1,

    /// <summary>The last holder needed the room for another key. Frequent evictions split sessions: raise the capacity.</summary>
    Evicted = 2,

    /// <summary>The application ended the session with <c>ExpireAsync</c> or <c>ExpireAllAsync</c>.</summary>
    Expired = 3,

    /// <summary>The application asked for completion now, although others may hold the resource.</summary>
    Forced = 4,

    /// <summary>The last holder was stopped.</summary>
    Shutdown = 5,

    /// <summary>The last holder died or was cut off; its references were taken back when its lease ran out.</summary>
    Recovered = 6,
}
