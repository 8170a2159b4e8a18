namespace Sluice.Cli.Demo.Embedded;

/// <summary>What the protocol did about a mishap.</summary>
internal enum Consequence
{
    /// <summary>A batch was applied, and its sender was not told.</summary>
    ReplyLost,

    /// <summary>A batch came again and changed nothing.</summary>
    DuplicateSuppressed,

    /// <summary>A worker that had been replaced wrote, and changed nothing.</summary>
    Fenced,

    /// <summary>A session was handed to the sink again, because the first try failed or its worker died.</summary>
    Reclaimed,

    /// <summary>A worker found that the server had lost batches, and sent them again.</summary>
    Replayed,

    /// <summary>The sink was handed a session that it had, and knew it by its idempotency key.</summary>
    RecognisedBySink,
}

/// <summary>What goes wrong at the moment, and what came of it. Thread-safe.</summary>
internal sealed class Mishaps
{
    private readonly long[] _counts = new long[Enum.GetValues<Consequence>().Length];
    private volatile bool _repliesAreLost;
    private volatile bool _sinkIsBroken;

    public bool RepliesAreLost
    {
        get => _repliesAreLost;
        set => _repliesAreLost = value;
    }

    public bool SinkIsBroken
    {
        get => _sinkIsBroken;
        set => _sinkIsBroken = value;
    }

    public long this[Consequence consequence] => Volatile.Read(ref _counts[(int)consequence]);

    public void Count(Consequence consequence, int times = 1) => Interlocked.Add(ref _counts[(int)consequence], times);
}
