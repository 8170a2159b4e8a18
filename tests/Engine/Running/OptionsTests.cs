using System.Reflection;
using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>Options check themselves: whoever sets one wrong reads its name, its value and its range, for all of them at once.</summary>
public sealed class OptionsTests
{
    /// <summary>Options for which any value is right.</summary>
    private static readonly string[] Free =
    [
        nameof(EngineOptions.Coordinator), nameof(EngineOptions.SessionClock), nameof(EngineOptions.LoggerFactory), nameof(EngineOptions.OnLoss),
        nameof(EngineOptions.IdentitySeed), nameof(EngineOptions.Dogpile), // the last one checks itself
    ];

    private static readonly (string Option, string Value, string Range, Action<EngineOptions> Set)[] Wrong =
    [
        ("Prefix", "'a:b'", "1 to 64 characters", static o => o.Prefix = "a:b"),
        ("Prefix", "''", "1 to 64 characters", static o => o.Prefix = null!),
        ("Prefix", "''", "1 to 64 characters", static o => o.Prefix = ""),
        ("Prefix", new string('p', 65), "1 to 64 characters", static o => o.Prefix = new string('p', 65)),
        ("Redis.WaitReplicas", "17", "0 to 16", static o => o.Redis.WaitReplicas = 17),
        ("Redis.WaitTimeout", "9 ms", "10 ms to 1 min", static o => o.Redis.WaitTimeout = TimeSpan.FromMilliseconds(9)),
        ("Redis.FlushConnections", "65", "1 to 64", static o => o.Redis.FlushConnections = 65),
        ("Redis.FlushConnections", "3", "a power of two", static o => o.Redis.FlushConnections = 3),
        ("Redis.Start", "9", "Fail, Wait, Degrade", static o => o.Redis.Start = (RedisStart)9),
        ("Redis.Persistence", "9", "Warn, Require, Ignore", static o => o.Redis.Persistence = (RedisPersistence)9),
        ("Redis", "there:1, there:1", "must name each server once", static o =>
        {
            o.Redis.Add("redis://there:1");
            o.Redis.Add("redis://there:1?name=other");
        }),
        ("Redis", "1 servers", "must be empty when there is a Coordinator", static o =>
        {
            o.Redis.Add("redis://there");
            o.Coordinator = new InProcessCoordinator();
        }),
        ("Partitions", "0", "1 to 16,384", static o => o.Partitions = 0),
        ("Partitions", "16,385", "1 to 16,384", static o => o.Partitions = 16_385),
        ("Capacity", "0", "1 to 50,000,000", static o => o.Capacity = 0),
        ("Capacity", "50,000,001", "1 to 50,000,000", static o => o.Capacity = 50_000_001),
        ("SoftSession", "0 ms", "at least 1 ms, or null", static o => o.SoftSession = TimeSpan.Zero),
        ("HardSession", "-1 ms", "at least 1 ms, or null", static o => o.HardSession = Timeout.InfiniteTimeSpan),
        ("SessionSweepInterval", "0.5 ms", "1 ms to 1 min", static o => o.SessionSweepInterval = TimeSpan.FromMicroseconds(500)),
        ("SessionSweepInterval", "1.5 min", "1 ms to 1 min", static o => o.SessionSweepInterval = TimeSpan.FromSeconds(90)),
        ("SessionEnding", "7", "ByReference, ByInactivity", static o => o.SessionEnding = (SessionEnding)7),
        ("InactivityGap", "2.9 s", "3 s to 30 days (at least 3 times FlushInterval)", static o =>
        {
            o.SessionEnding = SessionEnding.ByInactivity;
            o.InactivityGap = TimeSpan.FromSeconds(2.9);
        }),
        ("Linger", "-1000 ms", "0 ms to 24 h", static o => o.Linger = TimeSpan.FromSeconds(-1)),
        ("Linger", "2 days", "0 ms to 24 h", static o => o.Linger = TimeSpan.FromDays(2)),
        ("FlushInterval", "0 ms", "1 ms to 1 h", static o => o.FlushInterval = TimeSpan.Zero),
        ("FlushInterval", "2 h", "1 ms to 1 h", static o => o.FlushInterval = TimeSpan.FromHours(2)),
        ("BatchSize", "0", "1 to 500", static o => o.BatchSize = 0),
        ("BatchSize", "501", "1 to 500", static o => o.BatchSize = 501),
        ("BatchLinger", "-1 ms", "0 ms to 1 s", static o => o.BatchLinger = Timeout.InfiniteTimeSpan),
        ("BatchLinger", "2 s", "0 ms to 1 s", static o => o.BatchLinger = TimeSpan.FromSeconds(2)),
        ("LaneCapacity", "0", "1 to 65,536", static o => o.LaneCapacity = 0),
        ("LaneCapacity", "65,537", "1 to 65,536", static o => o.LaneCapacity = 65_537),
        ("FullMode", "9", "Wait, Fail", static o => o.FullMode = (FullMode)9),
        ("Locks", "null", "must not be null", static o => o.Locks = null!),
        ("Locks.LeaseDuration", "99 ms", "100 ms to 1 h", static o => o.Locks.LeaseDuration = TimeSpan.FromMilliseconds(99)),
        ("Locks.Margin", "9 s", "a third of LeaseDuration", static o => o.Locks.Margin = TimeSpan.FromSeconds(9)),
        ("Locks.AcquireTimeout", "-5000 ms", "0 or more", static o => o.Locks.AcquireTimeout = TimeSpan.FromSeconds(-5)),
        ("Locks.Description", "201 characters", "at most 200", static o => o.Locks.Description = new string('x', 201)),
        ("LeaseDuration", "99 ms", "100 ms to 1 h", static o => o.LeaseDuration = TimeSpan.FromMilliseconds(99)),
        ("LeaseDuration", "2 h", "100 ms to 1 h", static o => o.LeaseDuration = TimeSpan.FromHours(2)),
        ("ClaimLease", "99 ms", "100 ms to 1 h", static o => o.ClaimLease = TimeSpan.FromMilliseconds(99)),
        ("ClaimLease", "2 h", "100 ms to 1 h", static o => o.ClaimLease = TimeSpan.FromHours(2)),
        ("SweepInterval", "1 ms", "10 ms to 1 h", static o => o.SweepInterval = TimeSpan.FromMilliseconds(1)),
        ("SweepInterval", "2 h", "10 ms to 1 h", static o => o.SweepInterval = TimeSpan.FromHours(2)),
        ("TombstoneLife", "59 s", "1 min to 30 days", static o => o.TombstoneLife = TimeSpan.FromSeconds(59)),
        ("TombstoneLife", "31 days", "1 min to 30 days", static o => o.TombstoneLife = TimeSpan.FromDays(31)),
        ("TombstoneLife", "39 min", "at least 4 times LeaseDuration (10 min)", static o =>
        {
            o.LeaseDuration = TimeSpan.FromMinutes(10);
            o.TombstoneLife = TimeSpan.FromMinutes(39);
        }),
        ("DurabilityWindow", "-1 ms", "0 ms to 10 min", static o => o.DurabilityWindow = Timeout.InfiniteTimeSpan),
        ("DurabilityWindow", "11 min", "0 ms to 10 min", static o => o.DurabilityWindow = TimeSpan.FromMinutes(11)),
        ("RetentionBytes", "-1", "0 to 1,073,741,824", static o => o.RetentionBytes = -1),
        ("RetentionBytes", "1,073,741,825", "0 to 1,073,741,824", static o => o.RetentionBytes = (1L << 30) + 1),
        ("RequestTimeout", "9 ms", "10 ms to 5 min", static o => o.RequestTimeout = TimeSpan.FromMilliseconds(9)),
        ("RequestTimeout", "6 min", "10 ms to 5 min", static o => o.RequestTimeout = TimeSpan.FromMinutes(6)),
        ("CreationHeartbeat", "249 ms", "250 ms to 10 min", static o => o.CreationHeartbeat = TimeSpan.FromMilliseconds(249)),
        ("CreationHeartbeat", "11 min", "250 ms to 10 min", static o => o.CreationHeartbeat = TimeSpan.FromMinutes(11)),
        ("OpenLimit", "0", "1 to 1,000,000", static o => o.OpenLimit = 0),
        ("OpenLimit", "1,000,001", "1 to 1,000,000", static o => o.OpenLimit = 1_000_001),
        ("DeadLetterLimit", "-1", "0 to 100,000", static o => o.DeadLetterLimit = -1),
        ("DeadLetterLimit", "100,001", "0 to 100,000", static o => o.DeadLetterLimit = 100_001),
        ("ShutdownTimeout", "-1 ms", "0 ms to 1 h", static o => o.ShutdownTimeout = Timeout.InfiniteTimeSpan),
        ("ShutdownTimeout", "2 h", "0 ms to 1 h", static o => o.ShutdownTimeout = TimeSpan.FromHours(2)),
        ("TimeProvider", "null", "must not be null", static o => o.TimeProvider = null!),
    ];

    private static readonly (string Option, string Range, Action<AggregateOptions<Visit>> Set)[] WrongForAnAggregate =
    [
        ("OnComplete", "choose one", static o => o.OnComplete = (_, _) => ValueTask.CompletedTask),
        ("CompletionBatchSize", "1 to 10,000", static o => o.CompletionBatchSize = 0),
        ("CompletionBatchSize", "1 to 10,000", static o => o.CompletionBatchSize = 10_001),
        ("MaxConcurrentCompletions", "1 to 1,024", static o => o.MaxConcurrentCompletions = 0),
        ("MaxConcurrentCompletions", "1 to 1,024", static o => o.MaxConcurrentCompletions = 1_025),
        ("MaxCompletionAttempts", "1 to 1,000", static o => o.MaxCompletionAttempts = 0),
        ("MaxCompletionAttempts", "1 to 1,000", static o => o.MaxCompletionAttempts = 1_001),
        ("CompletionBackoff", "1 ms to 1 h", static o => o.CompletionBackoff = TimeSpan.Zero),
        ("CompletionBackoff", "1 ms to 1 h", static o => o.CompletionBackoff = TimeSpan.FromHours(2)),
        ("MaxCompletionBackoff", "1 ms to 24 h", static o => o.MaxCompletionBackoff = TimeSpan.Zero),
        ("MaxCompletionBackoff", "1 ms to 24 h", static o => o.MaxCompletionBackoff = TimeSpan.FromDays(2)),
        ("Poison", "Park, Skip", static o => o.Poison = (PoisonHandling)5),
        ("Capacity", "1 to 50,000,000", static o => o.Capacity = 0),
        ("SoftSession", "at least 1 ms", static o => o.SoftSession = TimeSpan.Zero),
        ("HardSession", "at least 1 ms", static o => o.HardSession = TimeSpan.FromMilliseconds(-2)),
    ];

    [Fact]
    public void The_defaults_are_valid() => new EngineOptions().Validate();

    [Fact]
    public void A_value_outside_its_range_is_named_with_the_range()
    {
        foreach ((string option, string value, string range, Action<EngineOptions> set) in Wrong)
        {
            EngineOptions options = new();
            set(options);

            string message = Assert.Throws<OptionsException>(options.Validate).Message;

            Assert.Contains($"EngineOptions.{option} is ", message, StringComparison.Ordinal);
            Assert.Contains(value, message, StringComparison.Ordinal);
            Assert.Contains(range, message, StringComparison.Ordinal);
        }
    }

    // A new option without a check would be found by whoever sets it wrong, in production.
    [Fact]
    public void Every_option_is_checked()
    {
        IEnumerable<string> options = typeof(EngineOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(static property => property.Name);

        Assert.Equal(options.Except(Free).Order(StringComparer.Ordinal), Wrong.Select(static wrong => wrong.Option.Split('.')[0]).Distinct().Order(StringComparer.Ordinal));
    }

    // Fixing one fault only to be told of the next is no way to start a service.
    [Fact]
    public async Task All_faults_are_told_at_once_and_no_engine_starts()
    {
        OptionsException error = await Assert.ThrowsAsync<OptionsException>(
            () => SluiceEngine.StartAsync(new EngineOptions { Partitions = 0, BatchSize = 0 }, TestContext.Current.CancellationToken));

        Assert.Equal(2, error.Message.Split(Environment.NewLine).Length);
    }

    [Fact]
    public async Task The_options_of_an_aggregate_are_checked_when_it_is_registered_and_named_with_it()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions { Partitions = 1 }, TestContext.Current.CancellationToken);
        foreach ((string option, string range, Action<AggregateOptions<Visit>> set) in WrongForAnAggregate)
        {
            string message = Assert.Throws<OptionsException>(() => engine.Aggregate(Visit.Definition, options =>
            {
                options.OnCompleteBatch = (_, _) => ValueTask.CompletedTask;
                set(options);
            })).Message;

            Assert.Contains($"Aggregate 'visit': options.{option} is ", message, StringComparison.Ordinal);
            Assert.Contains(range, message, StringComparison.Ordinal);
        }

        engine.Aggregate(Visit.Definition); // none of them registered anything
    }

    // The engine copies: a configuration that is reloaded must not change a running engine by halves.
    [Fact]
    public async Task Changing_the_options_of_a_running_engine_changes_nothing()
    {
        EngineOptions options = new() { Partitions = 2 };
        await using SluiceEngine engine = await SluiceEngine.StartAsync(options, TestContext.Current.CancellationToken);

        options.Partitions = 0;

        Assert.Equal(2, engine.Aggregate(Visit.Definition).Runtime.Lanes.Length);
    }

    // The widest values must work too, not only pass the check: spans near the end of time used to be what overflows.
    [Fact]
    public async Task The_longest_sessions_are_sessions()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(
            new EngineOptions { Partitions = 1, SoftSession = TimeSpan.MaxValue - TimeSpan.FromTicks(1), HardSession = TimeSpan.MaxValue - TimeSpan.FromTicks(1) },
            TestContext.Current.CancellationToken);
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = (_, _) => ValueTask.CompletedTask);

        Assert.True(visits.TryMerge("k", new Visit.Event { Hits = 1 }));
        await visits.SweepAsync(TestContext.Current.CancellationToken);

        Assert.Equal(1, visits.Count);
    }

    public static TheoryData<TimeSpan> LongSpans => [TimeSpan.MaxValue, TimeSpan.FromDays(36_524), TimeSpan.FromDays(400)];

    // As far as the coordinator and the completions: deadlines that are never, and ones so far away that a timer can't be set to them.
    [Theory]
    [MemberData(nameof(LongSpans))]
    public async Task With_sessions_as_long_as_they_can_be_others_are_completed_at_their_time(TimeSpan longest)
    {
        await using Stage stage = new();
        Worker worker = await stage.StartWorkerAsync(options => options.SoftSession = options.HardSession = longest);
        worker.Hit("stays");
        await worker.Visits.FlushAsync("stays", Stage.Cancellation);
        long sweeps = worker.Visits.NextSessionDeadlineTicks;
        for (int round = 1; round <= 3; round++)
        {
            worker.Hit("goes", round);
            await worker.Visits.ExpireAsync("goes", Stage.Cancellation);
            Assert.Equal(round, (await worker.NextAsync()).Value.Hits);
            await stage.Coordinator.WhenAsync<AcknowledgeRequest>(round).WaitAsync(Stage.Cancellation);
            await worker.Visits.SweepAsync(Stage.Cancellation);
        }

        Assert.Equal(1, (await worker.Visits.PeekAsync("stays", Stage.Cancellation))!.Hits);
        Assert.Equal(1, worker.Visits.Count);
        Assert.True(sweeps > stage.Time.GetUtcNow().UtcTicks);

        // Each of the three was claimed once or twice; a schedule that wrapped would claim without end.
        Assert.InRange(stage.Coordinator.Count<ClaimRequest>(), 3, 12);
    }
}
