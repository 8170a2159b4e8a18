using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Sluice.Waiting;

namespace Sluice;

/// <summary>How sessions end.</summary>
public enum SessionEnding
{
    /// <summary>The last process to let go of a resource ends its session (the default).</summary>
    ByReference,

    /// <summary>A session ends when nobody has flushed an update for <see cref="EngineOptions.InactivityGap"/>. Nobody holds anything: cheapest.</summary>
    ByInactivity,
}

/// <summary>What <c>MergeAsync</c> does while the cache is full because the coordinator doesn't keep up.</summary>
public enum FullMode
{
    /// <summary>Waits for room (the default).</summary>
    Wait,

    /// <summary>Throws <see cref="CacheFullException"/>.</summary>
    Fail,
}

/// <summary>What becomes of a resource whose completion failed for the last time.</summary>
public enum PoisonHandling
{
    /// <summary>Its later sessions wait until a person replays or purges the failed one (the default): completions stay in order.</summary>
    Park,

    /// <summary>Its later sessions go on; replaying the failed one is out of order.</summary>
    Skip,
}

/// <summary>
/// Everything that can be tuned. The defaults are for a service that embeds one engine; each says why it is what it is.
/// </summary>
/// <remarks>
/// Plain properties, so that configuration binds to them; checked as a whole by <see cref="Validate"/> when an engine starts, and copied then: later
/// changes have no effect. Not thread-safe while it is being filled.
/// </remarks>
public sealed class EngineOptions
{
    /// <summary>
    /// What coordinates the engines. Null (the default) = the servers of <see cref="Redis"/>; without any, a coordinator of this engine's own, in this process.
    /// </summary>
    public Coordinator? Coordinator { get; set; }

    /// <summary>The servers through which engines of several processes work together. Default none: no server is needed.</summary>
    public RedisOptions Redis { get; private set; } = [];

    /// <summary>
    /// What keeps two applications on one coordinator apart: 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'. Default: <c>sluice</c>.
    /// </summary>
    public string Prefix { get; set; } = "sluice";

    /// <summary>
    /// Over how many partitions an aggregate's resources are spread, 1 to 16,384. Part of the stored layout: it can't change while data is stored.
    /// Default 64: up to 640,000 open resources at about 10,000 a partition, and few enough that an idle engine costs little.
    /// </summary>
    public int Partitions { get; set; } = 64;

    /// <summary>
    /// The most sessions that an aggregate keeps in memory, 1 to 50,000,000. The least recently used one is flushed to make room.
    /// Default 100,000: tens of megabytes.
    /// </summary>
    public int Capacity { get; set; } = 100_000;

    /// <summary>A session without an update for this long ends. Null = never. Default 5 minutes: a visitor who is gone.</summary>
    public TimeSpan? SoftSession { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// A session ends this long after its first update, even if updates keep coming. Null = never. Default 1 hour: bounds how old an unfinished total
    /// can be. Also applied by the coordinator to the global session, except with an event-time clock.
    /// </summary>
    public TimeSpan? HardSession { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Decides soft and hard deadlines. Null = the wall clock of <see cref="TimeProvider"/>.</summary>
    public SessionClock? SessionClock { get; set; }

    /// <summary>How often sessions past their deadline are looked for, 1 ms to 1 minute. Default 100 ms.</summary>
    public TimeSpan SessionSweepInterval { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How sessions end. Default: by reference.</summary>
    public SessionEnding SessionEnding { get; set; } = SessionEnding.ByReference;

    /// <summary>
    /// With <see cref="SessionEnding.ByInactivity"/>: how long nobody flushed an update. At least 3 times <see cref="FlushInterval"/>. Default 1 minute.
    /// </summary>
    public TimeSpan InactivityGap { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How long a resource that nobody holds waits for a newcomer before its session is completed. Default 0: the last one out ends it now. A second
    /// or two joins the sessions of a visitor whose key is evicted and comes back.
    /// </summary>
    public TimeSpan Linger { get; set; } = TimeSpan.Zero;

    /// <summary>
    /// How long an update stays in memory at most before it is sent to the coordinator, 1 ms to 1 hour. Longer = fewer writes, and more to lose in a
    /// crash. Default 1 s.
    /// </summary>
    public TimeSpan FlushInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The most resources of one batch, 1 to 500. Default 200: beyond that a script holds a server up for more than a millisecond.</summary>
    public int BatchSize { get; set; } = 200;

    /// <summary>How long a lane waits for more items before it sends a batch that is not full, 0 to 1 s. Default 1 ms.</summary>
    public TimeSpan BatchLinger { get; set; } = TimeSpan.FromMilliseconds(1);

    /// <summary>How many items wait for a lane before producers feel it, 1 to 65,536. Default 512: two batches and more.</summary>
    public int LaneCapacity { get; set; } = 512;

    /// <summary>What <c>MergeAsync</c> does while there is no room. Default: wait.</summary>
    public FullMode FullMode { get; set; } = FullMode.Wait;

    /// <summary>
    /// How long an engine may be silent before the others take back what it holds, 100 ms to 1 hour. Default 10 s: longer than any pause that a healthy
    /// process makes.
    /// </summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a completion's claim lasts without an extension, 100 ms to 1 hour; it is extended while the handler runs. Default 30 s.
    /// </summary>
    public TimeSpan ClaimLease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How often every engine looks at every partition, member or not, for what nobody else looks after. Null (the default) = <see cref="LeaseDuration"/>.
    /// An idle engine's cost: partitions / interval requests per second.
    /// </summary>
    public TimeSpan? SweepInterval { get; set; }

    /// <summary>
    /// How long the coordinator remembers a dead engine, so that late copies of its batches change nothing, 1 minute to 30 days. Default 24 hours.
    /// </summary>
    public TimeSpan TombstoneLife { get; set; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How long after an answer the server may still lose what it answered for. 0 (the default) for the in-process coordinator and servers that write
    /// through; for a server that syncs every second, 2 s plus the time that a restart or failover may take. Completions wait that long, and batches are kept that
    /// long to be sent again; what is older when the server is back is reported by <see cref="OnLoss"/>.
    /// </summary>
    public TimeSpan DurabilityWindow { get; set; } = TimeSpan.Zero;

    /// <summary>How much memory a lane's kept batches may take, in bytes, 0 to 1 GiB. Default 4 MiB. Only used with a durability window.</summary>
    public long RetentionBytes { get; set; } = 4L << 20;

    /// <summary>How long a request may take before it is sent again, 10 ms to 5 minutes. Default 5 s.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Open resources of a partition beyond which newcomers are completed at once, 1 to 1,000,000. Default 20,000.</summary>
    public int OpenLimit { get; set; } = 20_000;

    /// <summary>Dead letters of a partition beyond which completions park and items are handed back, 0 to 100,000. Default 1,000.</summary>
    public int DeadLetterLimit { get; set; } = 1_000;

    /// <summary>How long disposal without <c>StopAsync</c> waits. Default 25 s: containers get 30 s between SIGTERM and SIGKILL.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>The engine's clock for leases, linger, back-off and timers. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Where the engine logs. Null = nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>
    /// Told of updates that are not, or not certainly, in the totals: never silently lost. Runs on a lane's loop: hand the report on and return.
    /// </summary>
    public Action<LossReport>? OnLoss { get; set; }

    /// <summary>
    /// How <see cref="SluiceEngine.Dogpile"/> works. Null (the default) = in memory, with this engine's clock and logger; options that are given have their own. With a
    /// <see cref="DogpileCacheOptions.Store"/> and without a <see cref="DogpileCacheOptions.Mutex"/> it uses <see cref="SluiceEngine.CreationMutex"/>, unless the coordinator is this engine's own in this process.
    /// </summary>
    public DogpileCacheOptions? Dogpile { get; set; }

    /// <summary>
    /// How often the creator of a dogpile value shows the others that it lives, 250 ms to 10 minutes. Its lease ends 1.8 heartbeats after the last one, so that who waits takes over within two. Longer than
    /// the pauses that a healthy process makes: a creator whose lease was lost creates for nothing. Default 5 s.
    /// </summary>
    public TimeSpan CreationHeartbeat { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How <see cref="SluiceEngine.Locks"/> keeps locks.</summary>
    public EngineLockOptions Locks { get; set; } = new();

    /// <summary>Seeds the engine's identities for reproducible tests. Null (the default) = cryptographic randomness, as production needs.</summary>
    public int? IdentitySeed { get; set; }

    /// <summary>Counts what the engine has under way, for whoever drives its time by hand. Null: nobody does.</summary>
    internal WorkCount? Work { get; set; }

    /// <summary>Sets what a purpose asks for, and leaves the rest as it is.</summary>
    /// <param name="preset">The purpose.</param>
    /// <returns>These options.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such preset.</exception>
    public EngineOptions Apply(EnginePreset preset)
    {
        switch (preset)
        {
            case EnginePreset.Latency:
                (FlushInterval, BatchLinger, SessionSweepInterval) = (TimeSpan.FromMilliseconds(100), TimeSpan.Zero, TimeSpan.FromMilliseconds(20));
                (RequestTimeout, LeaseDuration, ClaimLease) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10));
                break;
            case EnginePreset.Throughput:
                (FlushInterval, BatchLinger) = (TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(5));
                (Capacity, BatchSize, LaneCapacity) = (1_000_000, 500, 2_048);
                break;
            case EnginePreset.Durability:
                (FlushInterval, LeaseDuration) = (TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(30));
                (DurabilityWindow, RetentionBytes, Redis.Persistence) = (TimeSpan.FromSeconds(10), 64L << 20, RedisPersistence.Require);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(preset), preset, "There is no such preset.");
        }

        return this;
    }

    /// <summary>Checks every value; each fault names the option, the value and the range.</summary>
    /// <exception cref="OptionsException">At least one value is outside its range; the message lists all.</exception>
    public void Validate()
    {
        OptionsCheck check = new(nameof(EngineOptions));
        check.Name(nameof(Prefix), Prefix);
        Redis.Validate(check);
        if (Redis.Count > 0 && Coordinator is not null)
            check.Fail(nameof(Redis), $"{Redis.Count} servers", "must be empty when there is a Coordinator");
        check.Range(nameof(Partitions), Partitions, 1, 16_384);
        check.Range(nameof(Capacity), Capacity, 1, 50_000_000);
        check.Positive(nameof(SoftSession), SoftSession);
        check.Positive(nameof(HardSession), HardSession);
        check.Range(nameof(SessionSweepInterval), SessionSweepInterval, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1));
        check.Range(nameof(FlushInterval), FlushInterval, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
        check.Range(nameof(Linger), Linger, TimeSpan.Zero, TimeSpan.FromDays(1));
        if (SessionEnding == SessionEnding.ByInactivity)
            check.Range(nameof(InactivityGap), InactivityGap, FlushInterval * 3, TimeSpan.FromDays(30), "at least 3 times FlushInterval");
        check.Defined(nameof(SessionEnding), SessionEnding);
        check.Defined(nameof(FullMode), FullMode);
        check.Range(nameof(BatchSize), BatchSize, 1, 500);
        check.Range(nameof(BatchLinger), BatchLinger, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        check.Range(nameof(LaneCapacity), LaneCapacity, 1, 65_536);
        check.Range(nameof(LeaseDuration), LeaseDuration, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1));
        check.Range(nameof(ClaimLease), ClaimLease, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1));
        if (SweepInterval is { } sweep)
            check.Range(nameof(SweepInterval), sweep, TimeSpan.FromMilliseconds(10), TimeSpan.FromHours(1));
        check.Range(nameof(TombstoneLife), TombstoneLife, TimeSpan.FromMinutes(1), TimeSpan.FromDays(30));
        if (TombstoneLife < LeaseDuration * 4)
            check.Fail(nameof(TombstoneLife), OptionsCheck.Text(TombstoneLife), $"must be at least 4 times LeaseDuration ({OptionsCheck.Text(LeaseDuration)})");
        check.Range(nameof(DurabilityWindow), DurabilityWindow, TimeSpan.Zero, TimeSpan.FromMinutes(10));
        check.Range(nameof(RetentionBytes), RetentionBytes, 0, 1L << 30);
        check.Range(nameof(RequestTimeout), RequestTimeout, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(5));
        check.Range(nameof(CreationHeartbeat), CreationHeartbeat, TimeSpan.FromMilliseconds(250), TimeSpan.FromMinutes(10));
        check.Range(nameof(OpenLimit), OpenLimit, 1, 1_000_000);
        check.Range(nameof(DeadLetterLimit), DeadLetterLimit, 0, 100_000);
        check.Range(nameof(ShutdownTimeout), ShutdownTimeout, TimeSpan.Zero, TimeSpan.FromHours(1));
        if (TimeProvider is null)
            check.Fail(nameof(TimeProvider), "null", "must not be null");
        if (Locks is null)
            check.Fail(nameof(Locks), "null", "must not be null");
        else
            Locks.Validate(check);
        check.ThrowIfFailed();
        Dogpile?.Validate();
    }

    internal EngineOptions Copy()
    {
        EngineOptions copy = (EngineOptions)MemberwiseClone();
        copy.Redis = Redis.Copy();
        copy.Locks = Locks?.Copy()!; // null: found by the check
        return copy;
    }
}

/// <summary>Updates that are not, or not certainly, in the totals.</summary>
/// <param name="Aggregate">The aggregate's stored name.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Cause">What happened, in words.</param>
/// <param name="FirstBatch">The first batch number of the range; 0 when the items were not in a batch yet.</param>
/// <param name="LastBatch">The last batch number of the range.</param>
/// <param name="Items">What is still known: resource keys with their deltas in wire form. Empty when the batches are no longer kept.</param>
public sealed record LossReport(
    string Aggregate, int Partition, string Cause, long FirstBatch, long LastBatch, ImmutableArray<KeyValuePair<string, ReadOnlyMemory<byte>>> Items);
