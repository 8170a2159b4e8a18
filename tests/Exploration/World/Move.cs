namespace Sluice.Exploration;

/// <summary>What may happen next.</summary>
internal enum MoveKind : byte
{
    Merge,
    MergePoison,
    End,
    Force,
    Send,
    SendReplyLost,
    SendReplyLate,
    SendLateCopy,
    Hear,
    Beat,
    BeatReplyLate,
    HearBeat,
    LateBeatCopy,
    Leave,
    LeaveReplyLost,
    Reap,
    Claim,
    ClaimReplyLost,
    Confirm,
    Deliver,
    Acknowledge,
    AcknowledgeReplyLost,
    AcknowledgeLateCopy,
    Extend,
    Fail,
    FailReplyLost,
    FailLateCopy,
    Replay,
    Arrive,
    Time,
    ClockStep,
    Keep,
    Rollback,
    Crash,
    Pause,
    Return,
    Redeliver,
    Stranger,
    BeatWithoutMemory,
    ReapWithoutMemory,
    Look,
    Compact,
    CompactReplyLost,
    CompactLateCopy,
    Fold,
    FoldReplyLost,
    FoldLateCopy,
}

/// <summary>One thing that happens: to which engine, and to which of its things.</summary>
internal readonly record struct Move(MoveKind Kind, byte Engine, byte Target)
{
    public int Code => (int)Kind | (Engine << 8) | (Target << 16);

    public static Move Of(int code) => new((MoveKind)(code & 0xFF), (byte)(code >> 8), (byte)(code >> 16));
}

/// <summary>How often each thing may still happen.</summary>
internal record struct Budget(
    byte Times, byte Losses, byte Copies, byte Lates, byte Crashes, byte Forces, byte Leaves, byte Beats, byte Failures, byte Replays, byte Poisons, byte Keeps, byte Rollbacks,
    byte ClockSteps, byte Pauses, byte Redeliveries, byte Strangers, byte Shortages, byte Compactions)
{
    public static Budget Of(Bounds bounds) => new(
        (byte)bounds.Times, (byte)bounds.Losses, (byte)bounds.Copies, (byte)bounds.Lates, (byte)bounds.Crashes, (byte)bounds.Forces, (byte)bounds.Leaves, (byte)bounds.Beats,
        (byte)bounds.Failures, (byte)bounds.Replays, (byte)bounds.Poisons, (byte)bounds.Rollbacks, (byte)bounds.Rollbacks, (byte)bounds.ClockSteps, (byte)bounds.Pauses,
        (byte)bounds.Redeliveries, (byte)bounds.Strangers, (byte)bounds.Shortages, (byte)bounds.Compactions);
}
