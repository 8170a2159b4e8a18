using System.Globalization;
using System.Text;
using Sluice.Cli.Tests.Sessions;
using Sluice.Coordination.Redis;
using Sluice.Harness;

namespace Sluice.Cli.Tests.Tool;

/// <summary><c>sluice ingest --coordinator</c> and <c>sluice demo</c>, as people run them.</summary>
public sealed class RedisIngestTests(SharedRedisServer shared) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Four processes would split sessions of a visitor, or join two, if their clocks moved apart.
    [Fact]
    public async Task Sessions_in_log_time_are_the_same_for_processes_and_nothing_is_left_on_the_server()
    {
        PrivateRedisServer server = await shared.GetAsync();
        string log = Log(600), file = _folder["access.log"];
        await File.WriteAllTextAsync(file, log, TestContext.Current.CancellationToken);
        ToolRun run = await SluiceProcess.RunAsync("ingest", file, "--coordinator", server.Url, "--workers", "3", "--soft", "2m");
        Assert.True(run.ExitCode == 0, run.Said);
        foreach (string part in new[] { "3 worker processes", "conservation", "exact" })
            Assert.Contains(part, run.Said, StringComparison.Ordinal);
        TestRun.AssertSame(SimpleSessioniser.Sessions(LogHit.ReadAll(log.Split('\n')), TimeSpan.FromMinutes(2), null), TestRun.Read(run.Sessions));
        Assert.Equal("*0", await server.AskAsync(["KEYS", "*ingest-*"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_private_server_is_started_when_asked()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        ToolRun run = await SluiceProcess.RunAsync("ingest", "--sample", "--lines", "500", "--clock", "wall", "--redis", "spawn", "--workers", "2");
        Assert.True(run.ExitCode == 0, run.Said);
        Assert.Equal(500, TestRun.Read(run.Sessions).Sum(static session => session.Hits));
    }

    [Fact]
    public async Task Without_a_redis_server_spawn_says_how_to_get_one()
    {
        await using ProcessHost process = ProcessHost.StartDotnet(
            Path.Combine(AppContext.BaseDirectory, "Sluice.Cli.dll"), ["ingest", "--sample", "--redis", "spawn"],
            new Dictionary<string, string?>(StringComparer.Ordinal) { ["PATH"] = _folder.Path, ["DOTNET_HOST_PATH"] = null });
        ToolRun run = await SluiceProcess.EndAsync(process);
        Assert.Contains("spawn needs redis-server on the PATH", run.Said, StringComparison.Ordinal);
        Assert.Equal(5, run.ExitCode);
    }

    // Rights that a script needs and the printed line lacks would show only in production.
    [Fact]
    public async Task The_rights_that_the_doctor_prints_are_enough()
    {
        PrivateRedisServer server = await shared.GetAsync();
        string prefix = SharedRedisServer.NewPrefix(), user = $"user-{prefix}";
        string[] rule = [.. AccessRule.For(user, prefix).Split(' ').Select(static word => word == ">..." ? ">geheim" : word)];
        Assert.Equal("+OK", await server.AskAsync(rule, TestContext.Current.CancellationToken));
        string url = string.Create(CultureInfo.InvariantCulture, $"redis://{user}:geheim@127.0.0.1:{server.EndPoint.Port}");
        ToolRun run = await SluiceProcess.RunAsync("ingest", "--sample", "--lines", "3k", "--coordinator", url, "--prefix", prefix, "--workers", "2", "--clock", "wall", "--soft", "200ms", "--out", _folder["o.jsonl"]);
        Assert.True(run.ExitCode == 0, run.Said);

        Assert.Equal("+OK", await server.AskAsync(["ACL", "SETUSER", user, .. AccessRule.ForTools.Split(' ')], TestContext.Current.CancellationToken));
        foreach (string[] command in (string[][])[["doctor"], ["inspect"], ["letters", "list"], ["drain"], ["purge", "--yes", "--force"]])
        {
            run = await SluiceProcess.RunAsync([.. command, "--redis", url, "--prefix", prefix]);
            Assert.True(run.ExitCode == 0, $"{command[0]}: {run.Said}");
            Assert.DoesNotContain("geheim", run.Said, StringComparison.Ordinal);
        }

        Assert.Equal("*0", await server.AskAsync(["KEYS", $"*{prefix}*"], TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(5, "Connection refused", "ingest", "--sample", "--coordinator", "redis://me:geheim@127.0.0.1:1")]
    [InlineData(5, "Connection refused", "inspect", "--redis", "redis://me:geheim@127.0.0.1:1")]
    [InlineData(5, "Connection refused", "doctor", "--redis", "redis://me:geheim@127.0.0.1:1")]
    [InlineData(5, "Connection refused", "demo", "--redis", "redis://me:geheim@127.0.0.1:1")]
    [InlineData(2, "--coordinator is not valid", "ingest", "--sample", "--coordinator", "http://me:geheim@host")]
    [InlineData(2, "--redis is not valid", "inspect", "--redis", "redis://me:geheim@host:port")]
    [InlineData(2, "no server: give --redis", "inspect")]
    [InlineData(2, "--redis spawn starts an empty server", "doctor", "--redis", "spawn")]
    [InlineData(2, "--prefix needs --coordinator", "ingest", "--sample", "--prefix", "x")]
    [InlineData(2, "--prefix 'a b' is not valid", "ingest", "--sample", "--coordinator", "redis://localhost", "--prefix", "a b")]
    [InlineData(2, "--lease '10ms' is not valid: give 100ms to 1h", "ingest", "--sample", "--coordinator", "redis://localhost", "--lease", "10ms")]
    [InlineData(2, "--chaos 'flood' is not valid", "demo", "--chaos", "flood")]
    [InlineData(2, "--workers 1 leaves nobody", "demo", "--chaos", "kill", "--workers", "1")]
    [InlineData(2, "purge needs --prefix", "purge", "--redis", "redis://localhost")]
    [InlineData(2, "which letters?", "letters", "purge", "--redis", "redis://localhost")]
    public async Task What_cannot_be_done_is_said_in_one_line_without_secrets(int exitCode, string says, params string[] arguments)
    {
        ToolRun run = await SluiceProcess.RunAsync(arguments);
        Assert.Contains(says, run.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", run.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Said, StringComparison.Ordinal);
        Assert.Equal(exitCode, run.ExitCode);
    }

    // The demonstration is the claim: if it were not exact, nobody should show it.
    [Fact]
    public async Task The_demonstration_is_exact_while_workers_are_killed_and_disconnected()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs signals");
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");

        // All connections of a server are closed: it must not be the one that other tests use.
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], TestContext.Current.CancellationToken);
        ToolRun run = await SluiceProcess.RunAsync("demo", "--redis", server.Url, "--chaos", "kill,disconnect,pause", "--duration", "2s", "--lease", "1s", "--workers", "3", "--seed", "3");
        Assert.True(run.ExitCode == 0, run.Said);
        Assert.Equal(3, run.Said.Split("EXACT").Length - 1);
        foreach (string mishap in new[] { "killed worker", "closed all connections", "stopped worker" })
            Assert.Contains(mishap, run.Said, StringComparison.Ordinal);
    }

    private static string Log(int lines)
    {
        StringBuilder log = new();
        DateTime time = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        for (int i = 0; i < lines; i++)
        {
            string stamp = time.AddSeconds(i * 5).ToString("dd/MMM/yyyy:HH:mm:ss", CultureInfo.InvariantCulture);
            log.Append(CultureInfo.InvariantCulture, $"10.0.{i * 7919 % 23}.{i / 300} - - [{stamp} +0000] \"GET /{i % 41} HTTP/1.1\" {(i % 9 == 0 ? 500 : 200)} {i * 31 % 1000}\n");
        }

        return log.ToString();
    }
}
