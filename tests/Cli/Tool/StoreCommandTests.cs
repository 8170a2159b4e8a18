using System.Text.Json;
using Sluice.Cli.Sessions;
using Sluice.Harness;

namespace Sluice.Cli.Tests.Tool;

/// <summary><c>sluice inspect</c>, <c>doctor</c>, <c>drain</c>, <c>purge</c> and <c>letters</c> on a live server, beside a real engine.</summary>
public sealed class StoreCommandTests(SharedRedisServer shared)
{
    private readonly string _prefix = SharedRedisServer.NewPrefix();

    // Whoever is woken at night sees who holds what and since when, and not bytes.
    [Fact]
    public async Task Inspect_shows_members_sessions_and_their_values()
    {
        await using Application application = await Application.StartAsync(await shared.GetAsync(), _prefix);
        await application.MergeAsync("10.1.2.3", bytes: 700);
        ToolRun human = await RunAsync("inspect");
        foreach (string part in new[] { $"{_prefix}:visit", "1 open sessions, 1 references", "10.1.2.3", "Hits=1", "Bytes=700", "LastPages=[/a]", "left" })
            Assert.Contains(part, human.Said, StringComparison.Ordinal);

        ToolRun json = await RunAsync("inspect", "--json", "--key", "10.1.2.3");
        using JsonDocument document = JsonDocument.Parse(json.All);
        JsonElement partition = Assert.Single(Assert.Single(document.RootElement.GetProperty("namespaces").EnumerateArray()).GetProperty("partitions").EnumerateArray());
        JsonElement session = Assert.Single(partition.GetProperty("sessions").EnumerateArray());
        Assert.Equal(("10.1.2.3", 1, 700), (session.GetProperty("key").GetString(), session.GetProperty("holders").GetInt32(), session.GetProperty("fields").GetProperty("Bytes").GetInt32()));
        Assert.False(Assert.Single(partition.GetProperty("members").EnumerateArray()).GetProperty("isExpired").GetBoolean());
        Assert.Equal((0, 0), (human.ExitCode, json.ExitCode));
    }

    [Fact]
    public async Task Inspect_finds_what_nobody_listed_and_says_that_values_are_not_known()
    {
        PrivateRedisServer server = await shared.GetAsync();
        await using Application application = await Application.StartAsync(server, _prefix);
        await application.MergeAsync("10.1.2.3", bytes: 700);
        await server.AskAsync(["DEL", $"{_prefix}:aggregates"], TestContext.Current.CancellationToken);
        ToolRun run = await RunAsync("inspect");
        Assert.Contains("values can't be shown", run.Said, StringComparison.Ordinal);
        Assert.Contains("10.1.2.3", run.Said, StringComparison.Ordinal);
        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public async Task Doctor_finds_a_sound_store_sound_and_a_damaged_one_not()
    {
        PrivateRedisServer server = await shared.GetAsync();
        await using Application application = await Application.StartAsync(server, _prefix);
        await application.MergeAsync("10.1.2.3", bytes: 700);
        ToolRun sound = await RunAsync("doctor");
        Assert.Contains("the invariants hold", sound.Said, StringComparison.Ordinal);
        Assert.Contains($"ACL SETUSER NAME on >... ~{{{_prefix}:*", sound.Said, StringComparison.Ordinal);
        Assert.Equal(0, sound.ExitCode);

        string open = (await server.AskAsync(["KEYS", $"{{{_prefix}:*}}:r"], TestContext.Current.CancellationToken)).Split('\n')[2];
        await server.AskAsync(["HDEL", open, "10.1.2.3"], TestContext.Current.CancellationToken);
        ToolRun damaged = await RunAsync("doctor", "--fix");
        Assert.Contains("owns '10.1.2.3', which has no open record", damaged.Said, StringComparison.Ordinal);
        Assert.Equal(1, damaged.ExitCode);
    }

    // A process died and no other is running: nothing would ever take back what it held.
    [Fact]
    public async Task Doctor_takes_back_what_the_dead_held_when_it_is_told_and_not_before()
    {
        await using Application application = await Application.StartAsync(await shared.GetAsync(), _prefix, static options => options.LeaseDuration = TimeSpan.FromMilliseconds(300));
        await application.MergeAsync("10.1.2.3", bytes: 700);
        await application.AbandonAsync();
        ToolRun look;
        do
            look = await RunAsync("doctor");
        while (look.ExitCode == 0); // until its lease is over
        Assert.Contains("1 dead members hold 1 references", look.Said, StringComparison.Ordinal);
        Assert.Equal(look.Said, (await RunAsync("doctor")).Said);

        ToolRun mended = await RunAsync("doctor", "--fix");
        Assert.Contains("took back 1 references", mended.Said, StringComparison.Ordinal);
        ToolRun after = await RunAsync("inspect");
        Assert.Contains("1 open sessions, 0 references", after.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Drain_ends_all_sessions_and_returns_when_they_are_completed()
    {
        await using Application application = await Application.StartAsync(await shared.GetAsync(), _prefix);
        await application.MergeAsync("10.1.2.3", bytes: 700);
        await application.MergeAsync("10.1.2.4", bytes: 1);
        ToolRun run = await RunAsync("drain");
        Assert.Contains("2 sessions were ended, none is open", run.Said, StringComparison.Ordinal);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(701, application.CompletedBytes);
    }

    [Fact]
    public async Task Drain_says_when_nobody_completes()
    {
        await using Application application = await Application.StartAsync(await shared.GetAsync(), _prefix, completes: false);
        await application.MergeAsync("10.1.2.3", bytes: 700);
        ToolRun run = await RunAsync("drain", "--timeout", "300ms");
        Assert.Contains("is not drained: 1 sessions are open", run.Said, StringComparison.Ordinal);
        Assert.Equal(1, run.ExitCode);
    }

    [Fact]
    public async Task Purge_asks_spares_the_living_and_removes_everything()
    {
        PrivateRedisServer server = await shared.GetAsync();
        await using Application application = await Application.StartAsync(server, _prefix);
        await application.MergeAsync("10.1.2.3", bytes: 700);
        ToolRun living = await RunAsync("purge", "--yes");
        Assert.Contains("are running", living.Said, StringComparison.Ordinal);
        ToolRun unasked = await RunAsync("purge", "--force");
        Assert.Contains("give --yes", unasked.Said, StringComparison.Ordinal);
        Assert.Equal((1, 1), (living.ExitCode, unasked.ExitCode));
        Assert.Equal(0, (await RunAsync("purge", "--force", "--yes")).ExitCode);

        // The engine still beats, and finds that the server knows nothing of it.
        Assert.Equal("*0", await server.AskAsync(["KEYS", $"*{_prefix}:*:[rbo]*"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Letters_are_listed_replayed_and_purged()
    {
        await using Application application = await Application.StartAsync(await shared.GetAsync(), _prefix);
        application.Fails = true;
        await application.MergeAsync("10.1.2.3", bytes: 700);
        await application.MergeAsync("10.1.2.4", bytes: 1);
        await application.EndAsync();
        ToolRun list = await RunAsync("letters", "list");
        foreach (string part in new[] { "10.1.2.3", "parked session", "the sink is down", "Bytes=700", "2 in all" })
            Assert.Contains(part, list.Said, StringComparison.Ordinal);

        Assert.Equal(0, (await RunAsync("letters", "purge", "--key", "10.1.2.4")).ExitCode);
        application.Fails = false;
        ToolRun replay = await RunAsync("letters", "replay", "--all");
        Assert.Contains("replay: 1 of 1", replay.Said, StringComparison.Ordinal);
        await application.QuiesceAsync();
        Assert.Equal(700, application.CompletedBytes);
        Assert.Contains("no dead letters", (await RunAsync("letters", "list")).Said, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync("letters", "replay", "--id", "7")).ExitCode);
    }

    private async Task<ToolRun> RunAsync(params string[] arguments)
    {
        PrivateRedisServer server = await shared.GetAsync();
        return await SluiceProcess.RunAsync([.. arguments, "--redis", server.Url, "--prefix", _prefix]);
    }

    /// <summary>An application that uses the engine.</summary>
    private sealed class Application : IAsyncDisposable
    {
        private readonly SluiceEngine _engine;
        private readonly Aggregator<string, Visit, Visit.Event> _visits;
        private long _completedBytes;

        private Application(SluiceEngine engine, bool completes)
        {
            _engine = engine;
            _visits = engine.Aggregate(Visit.Definition, options =>
            {
                options.MaxCompletionAttempts = 1;
                if (completes)
                    options.OnComplete = Complete;
            });
        }

        public bool Fails { get; set; }

        public long CompletedBytes => Volatile.Read(ref _completedBytes);

        public static async Task<Application> StartAsync(PrivateRedisServer server, string prefix, Action<EngineOptions>? configure = null, bool completes = true)
        {
            EngineOptions options = new() { Prefix = prefix, Partitions = 4, Redis = { server.Url } };
            configure?.Invoke(options);
            return new Application(await SluiceEngine.StartAsync(options, TestContext.Current.CancellationToken), completes);
        }

        public async Task MergeAsync(string key, long bytes)
        {
            await _visits.MergeAsync(key, new Visit.Event { Hits = 1, Bytes = bytes, LastPages = "/a" }, TestContext.Current.CancellationToken);
            await _visits.FlushAsync(TestContext.Current.CancellationToken);
        }

        public async Task EndAsync()
        {
            await _visits.ExpireAllAsync(TestContext.Current.CancellationToken);
            await QuiesceAsync();
        }

        public async Task QuiesceAsync() => await _engine.QuiesceAsync(TestContext.Current.CancellationToken);

        public ValueTask AbandonAsync() => _engine.AbandonAsync();

        public ValueTask DisposeAsync() => _engine.DisposeAsync();

        private ValueTask Complete(Completion<Visit> visit, CancellationToken lost)
        {
            if (Fails)
                throw new InvalidOperationException("the sink is down");
            Interlocked.Add(ref _completedBytes, visit.Value.Bytes);
            return ValueTask.CompletedTask;
        }
    }
}
