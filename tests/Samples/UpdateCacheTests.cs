using Sluice.Harness;
using Sluice.Samples.UpdateCache;
using Xunit;

namespace Sluice.Samples.Tests;

/// <summary>Several processes collect the updates of users; the last one that lets go of a user writes them, once.</summary>
public sealed class UpdateCacheTests
{
    private static readonly DateTimeOffset Noon = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // With room for all users no session ends before the processes stop: one write per user, by whoever was last, with what all four had.
    [Fact]
    public async Task Four_processes_that_stop_write_every_user_once_with_the_updates_of_all()
    {
        await using InProcessCoordinator coordinator = new();
        UserDatabase database = new();
        UpdateProcess[] processes = await StartAsync(coordinator, database, capacity: 1000);
        foreach (UpdateProcess process in processes)
        {
            for (int user = 0; user < 50; user++)
                await process.SetAsync($"user-{user}", "/", isClick: user % 2 == 0, Noon.AddSeconds(user), Cancellation);
        }

        // Every process holds every user before the first lets go.
        await Task.WhenAll(processes.Select(process => process.Users.FlushAsync(Cancellation).AsTask()));
        ShutdownReport[] reports = await StopAsync(processes);

        Assert.All(reports, report => Assert.True(report.IsClean, report.ToString()));
        Assert.Equal(50, database.Deliveries.Count);
        Assert.All(database.Deliveries, delivery => Assert.Equal((4, CompletionReason.Shutdown), (delivery.TimesModified, delivery.Reason)));
        for (int user = 0; user < 50; user++)
            Assert.Equal(new UserRow(4, user % 2 == 0 ? 4 : 0, Noon.AddSeconds(user)), database.Find($"user-{user}"));
    }

    // Prevents: a value of one process that hides a newer one of another, depending on who let go last.
    [Fact]
    public async Task What_a_user_has_set_last_wins_whatever_process_took_it_and_in_whatever_order()
    {
        await using InProcessCoordinator coordinator = new();
        UserDatabase database = new();
        UpdateProcess[] processes = await StartAsync(coordinator, database, capacity: 3);
        Random random = new(7);
        int[] order = [.. Enumerable.Range(0, 400)];
        random.Shuffle(order);
        foreach (int i in order)
            await processes[random.Next(processes.Length)].ChangeAsync($"user-{i % 7}", $"name-{i % 2}", $"{i}", Noon.AddSeconds(i), Cancellation);
        ShutdownReport[] reports = await StopAsync(processes);

        Assert.All(reports, report => Assert.True(report.IsClean, report.ToString()));
        for (int user = 0; user < 7; user++)
        {
            for (int name = 0; name < 2; name++)
            {
                int last = Enumerable.Range(0, 400).Last(i => i % 7 == user && i % 2 == name);
                Assert.Equal($"{last}", database.FindSettings($"user-{user}")[$"name-{name}"]);
            }
        }
    }

    [Fact]
    public void The_merge_of_settings_keeps_the_laws() => OpaqueStateLaws.Check(
    [
        Settings.Set("a", "1", Noon), Settings.Set("a", "2", Noon), Settings.Set("a", "1", Noon.AddSeconds(1)), Settings.Set("b", "", Noon),
        Settings.Merge(Settings.Set("a", "3", Noon.AddSeconds(-1)), Settings.Set("c", "\u00fc", Noon)),
    ]);

    // Eviction splits sessions all the time here, and the database fails half of the time: not one view may be lost or counted twice.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Evictions_force_expiry_and_a_failing_database_change_no_total(int seed)
    {
        await using InProcessCoordinator coordinator = new();
        UserDatabase database = new();
        UpdateProcess[] processes = await StartAsync(coordinator, database, capacity: 20);
        long[] views = new long[100];
        long[] clicks = new long[100];

        await Task.WhenAll(processes.Select((process, p) => Task.Run(
            async () =>
            {
                Random random = new((seed * 100) + p);
                for (int i = 0; i < 3000; i++)
                {
                    int user = random.Next(views.Length);
                    bool isClick = random.Next(4) == 0;
                    await process.SetAsync($"user-{user}", $"/{i}", isClick, Noon, Cancellation);
                    Interlocked.Increment(ref views[user]);
                    Interlocked.Add(ref clicks[user], isClick ? 1 : 0);
                    if (i % 500 == 250)
                    {
                        database.FailNext(3);
                        await process.Users.ForceExpireAsync($"user-{random.Next(views.Length)}", Cancellation);
                    }
                }
            },
            Cancellation)));
        ShutdownReport[] reports = await StopAsync(processes);

        Assert.All(reports, report => Assert.True(report.IsClean, report.ToString()));
        for (int user = 0; user < views.Length; user++)
        {
            UserRow row = database.Find($"user-{user}")!;
            Assert.Equal((views[user], clicks[user]), (row.Views, row.Clicks));
        }

        Assert.Contains(database.Deliveries, delivery => delivery.Reason == CompletionReason.Evicted);
        Assert.Contains(database.Deliveries, delivery => delivery.Reason == CompletionReason.Forced);
        Assert.Contains(database.Deliveries, delivery => delivery.Attempt > 1);
        AssertOneContentPerSession(database);
    }

    // A user who is gone for the soft period is written although the processes live on.
    [Fact]
    public async Task A_user_without_updates_for_the_soft_period_is_written_when_the_last_process_has_noticed()
    {
        await using Clocked clocked = await Clocked.StartAsync();
        foreach (UpdateProcess process in clocked.Processes)
            await process.SetAsync("user", "/", isClick: false, Noon, Cancellation);
        clocked.Time.Advance(TimeSpan.FromSeconds(20));
        await clocked.Processes[3].SetAsync("user", "/again", isClick: true, Noon.AddSeconds(20), Cancellation);
        foreach (UpdateProcess process in clocked.Processes)
            await process.Users.FlushAsync(Cancellation);

        clocked.Time.Advance(TimeSpan.FromSeconds(10)); // 30 s after the first updates
        foreach (UpdateProcess process in clocked.Processes)
            await process.Users.SweepAsync(Cancellation);
        Assert.Empty(clocked.Database.Deliveries);

        clocked.Time.Advance(TimeSpan.FromSeconds(20)); // 30 s after the last
        foreach (UpdateProcess process in clocked.Processes)
            await process.Users.SweepAsync(Cancellation);
        Completion<UserUpdate> written = await clocked.NextWriteAsync();

        Assert.Equal((5, 1, CompletionReason.Idle), (written.Value.Views, written.Value.Clicks, written.Reason));
        Assert.Equal(Noon.AddSeconds(20), written.Value.LastSeen);
        Assert.Equal("/again", written.Value.LastPages[0]);
    }

    // A user who never stops is written at the hard deadline: the database is never more than that behind.
    [Fact]
    public async Task A_user_who_never_pauses_is_written_after_the_hard_period()
    {
        await using Clocked clocked = await Clocked.StartAsync();
        UpdateProcess process = clocked.Processes[0];
        int updates = 0;
        for (; clocked.Time.GetUtcNow() < Clocked.Start.AddMinutes(10); clocked.Time.Advance(TimeSpan.FromSeconds(15)), updates++)
            await process.SetAsync("user", "/", isClick: false, Noon, Cancellation);
        await process.SetAsync("user", "/", isClick: false, Noon, Cancellation); // the first of the next session

        Completion<UserUpdate> written = await clocked.NextWriteAsync();

        Assert.Equal((updates, CompletionReason.HardDeadline), (written.Value.Views, written.Reason));
    }

    private static Task<UpdateProcess[]> StartAsync(Coordinator coordinator, UserDatabase database, int capacity) =>
        Task.WhenAll(Enumerable.Range(0, 4).Select(_ => UpdateProcess.StartAsync(UpdateProcess.Options(coordinator, capacity), database)));

    private static Task<ShutdownReport[]> StopAsync(UpdateProcess[] processes) =>
        Task.WhenAll(processes.Select(process => process.StopAsync().AsTask()));

    private static void AssertOneContentPerSession(UserDatabase database)
    {
        foreach (IGrouping<string, Completion<UserUpdate>> session in database.Deliveries.GroupBy(delivery => delivery.IdempotencyKey))
        {
            Assert.Single(session.Select(delivery => (delivery.Value.Views, delivery.Value.Clicks, delivery.Value.LastSeen)).Distinct());
            Assert.Equal(session.Count(), session.Select(delivery => delivery.FencingToken).Distinct().Count());
        }
    }

    /// <summary>Four processes in time that the test moves.</summary>
    private sealed class Clocked : IAsyncDisposable
    {
        public static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public HandDrivenTimeProvider Time { get; } = new(Start);

        public UserDatabase Database { get; } = new();

        public UpdateProcess[] Processes { get; private set; } = [];

        public static async Task<Clocked> StartAsync()
        {
            Clocked clocked = new();
            InProcessCoordinator coordinator = new(clocked.Time);
            clocked.Processes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ =>
            {
                EngineOptions options = UpdateProcess.Options(coordinator, capacity: 100);
                options.TimeProvider = clocked.Time;
                options.LeaseDuration = options.ClaimLease = options.FlushInterval = TimeSpan.FromHours(1); // the test leaps; only sessions are to end by it
                options.BatchLinger = TimeSpan.Zero;
                return UpdateProcess.StartAsync(options, clocked.Database);
            }));
            return clocked;
        }

        /// <summary>The next write, which needs no more time than a few timers of the engine's take.</summary>
        public async Task<Completion<UserUpdate>> NextWriteAsync()
        {
            int before = 0;
            while (Database.Deliveries.Count == before)
            {
                if (Time.UntilNextTimer <= TimeSpan.FromMilliseconds(1))
                    Time.AdvanceToNextTimer();
                await Task.Yield();
                Cancellation.ThrowIfCancellationRequested();
            }

            return Database.Deliveries[before];
        }

        public async ValueTask DisposeAsync()
        {
            foreach (UpdateProcess process in Processes)
                await process.Users.Runtime.Engine.AbandonAsync();
        }
    }
}
