using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>The durations of an engine's locks, in microseconds.</summary>
/// <param name="Lease">Asked for with every renewal; <see cref="Durations.Never"/>: the coordinator ends with this engine.</param>
/// <param name="Margin">How long before the lease ends its locks count as lost.</param>
/// <param name="RequestTimeout">How long a request may take.</param>
/// <param name="Description">How others see the engine.</param>
internal sealed record LockTerms(long Lease, long Margin, TimeSpan RequestTimeout, string Description)
{
    /// <summary>Handles that a renewal looks up.</summary>
    public const int LookUps = 64;

    /// <summary>What a renewal may take back of others.</summary>
    public const int SweepLimit = 64;

    public bool RunsOut => Lease != Durations.Never;

    /// <summary>
    /// By how much a time-out may be exceeded for a server that does not answer: an answer that is on its way is not thrown away.
    /// </summary>
    public TimeSpan Grace => RequestTimeout < MostGrace ? RequestTimeout : MostGrace;

    private static TimeSpan MostGrace { get; } = TimeSpan.FromMilliseconds(250);

    /// <summary>A third of the lease: two renewals in a row may fail. Sessions that are about finding out quickly who is dead say otherwise.</summary>
    public long RenewEvery { get; init; } = Lease == Durations.Never ? Durations.Never : Lease / 3;

    public static LockTerms Of(EngineLockOptions options, TimeSpan requestTimeout, bool runsOut) => new(
        runsOut ? Durations.Micros(options.LeaseDuration) : Durations.Never,
        Durations.Micros(options.Margin ?? options.LeaseDuration / 10),
        requestTimeout,
        DescriptionOf(options));

    /// <summary>
    /// Of the leases on creations: renewed every heartbeat, and over 1.8 heartbeats after the last one. Who waits learns of that within 5 ms and two round trips, for which the rest of the
    /// second heartbeat is there: so a dead creator is replaced within two. A beat that fails is repeated for as long as six tenths of another one.
    /// </summary>
    public static LockTerms OfCreations(EngineLockOptions options, TimeSpan heartbeat, TimeSpan requestTimeout, bool runsOut)
    {
        long beat = Durations.Micros(heartbeat), lease = beat / 5 * 9;
        return runsOut
            ? new LockTerms(lease, lease / 10, requestTimeout, DescriptionOf(options)) { RenewEvery = beat }
            : new LockTerms(Durations.Never, lease / 10, requestTimeout, DescriptionOf(options));
    }

    private static string DescriptionOf(EngineLockOptions options) => options.Description ?? $"{Environment.MachineName}:{Environment.ProcessId}";
}

/// <summary>What an acquisition asks for.</summary>
/// <param name="Claims">Of one partition.</param>
/// <param name="Owner">Who is behind it, or empty.</param>
internal sealed record LockWish(int Partition, System.Collections.Immutable.ImmutableArray<LockClaim> Claims, LockPolicy Policy, long MaxHold, string Owner)
{
    /// <summary>Whether it is about a moment, and not about holding: what others did together can't be asked for once more.</summary>
    public bool IsMeeting => Claims[0].Mode is LockMode.Rendezvous or LockMode.Await;
}
