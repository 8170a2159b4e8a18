using System.Diagnostics;
using System.Globalization;
using Sluice.Harness;
using Sluice.Resp.Connection;
using Xunit;

namespace Sluice.Resp.Tests.Connection;

/// <summary>A real server that is killed, paused and started again, and a client that is paused itself.</summary>
public sealed class ServerLossTests(ITestOutputHelper output)
{
    // A deployment restarts its servers while everybody works.
    [Fact]
    public async Task A_server_that_is_killed_and_restarted_under_load_is_used_again_soon()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], TestContext.Current.CancellationToken);
        await using LinkUnderTest link = To(server, static terms => terms with { BackoffFirst = TimeSpan.FromMilliseconds(10), BackoffCap = TimeSpan.FromMilliseconds(500) });
        await link.OpenAsync();
        using CancellationTokenSource stop = new();
        long right = 0, lost = 0, wrong = 0;
        Task[] callers = [.. Enumerable.Range(0, 16).Select(caller => Task.Run(() => CallAsync(caller)))];
        for (int kill = 0; kill < 3; kill++)
        {
            await Task.Delay(100);
            server.Process.Kill();
            await server.Process.ExitCode.Soon();
            await Task.Delay(kill * 300);
            await server.RestartAsync(TestContext.Current.CancellationToken);
            long began = Stopwatch.GetTimestamp();
            Assert.Equal("useful", await link.Text("ECHO", "useful").Soon());
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            output.WriteLine($"useful again {took.TotalMilliseconds:F0} ms after it listened (it was away for at least {kill * 300} ms)");
            Assert.True(took < TimeSpan.FromSeconds(10), $"{took}");
        }

        await stop.CancelAsync();
        await Task.WhenAll(callers).Soon();
        output.WriteLine($"{right} replies, {lost} lost");
        Assert.Equal(0, wrong);
        Assert.True(right > 100 && lost > 0);

        async Task CallAsync(int caller)
        {
            for (int n = 0; !stop.IsCancellationRequested; n++)
            {
                string value = string.Create(CultureInfo.InvariantCulture, $"{caller}-{n}");
                try
                {
                    Interlocked.Increment(ref await link.Text("ECHO", value) == value ? ref right : ref wrong);
                }
                catch (RespConnectionException)
                {
                    Interlocked.Increment(ref lost);
                }
            }
        }
    }

    // A machine that hangs keeps its connections open: only silence tells.
    [Fact]
    public async Task A_server_that_is_paused_is_noticed_within_the_configured_time()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], TestContext.Current.CancellationToken);
        await using LinkUnderTest link = To(server, static terms => terms with { Connection = terms.Connection with { PingAfter = 200, PeerTimeout = 500 } });
        await link.OpenAsync();
        Assert.Equal("1", await link.Text("ECHO", "1").Soon());
        server.Process.Suspend();
        long began = Stopwatch.GetTimestamp();
        try
        {
            RespConnectionException lost = await Assert.ThrowsAsync<RespConnectionException>(() => link.Text("ECHO", "2").Soon());
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            output.WriteLine($"noticed after {took.TotalMilliseconds:F0} ms");
            Assert.Equal(CommandOutcome.Unknown, lost.Outcome);
            Assert.InRange(took.TotalMilliseconds, 450, 5000);
        }
        finally
        {
            server.Process.Resume();
        }

        Assert.Equal("3", await link.Text("ECHO", "3").Soon());
    }

    // A long garbage collection or a paused virtual machine is no reason to throw a healthy connection away.
    [Fact]
    public async Task A_pause_of_the_clients_own_process_does_not_kill_its_connection()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], TestContext.Current.CancellationToken);
        await using ProcessHost client = ProcessHost.StartDotnet(
            typeof(PausedClient).Assembly.Location,
            ["--explicit", "only", "--filter-class", typeof(PausedClient).FullName!, "--show-live-output", "on"],
            new Dictionary<string, string?>(StringComparer.Ordinal) { [PausedClient.Port] = server.EndPoint.Port.ToString(CultureInfo.InvariantCulture) });

        // The client says "round" through the server, so nothing depends on how its output is buffered.
        await WaitForRoundAsync(server, 1);
        for (int pause = 2; pause < 5; pause++)
        {
            client.Suspend();
            await Task.Delay(1500);
            client.Resume();
            await WaitForRoundAsync(server, pause * 20);
        }

        await server.AskAsync(["SET", "stop", "1"], TestContext.Current.CancellationToken);
        Assert.True(await client.ExitCode.Soon() == 0, client.Transcript);
        Assert.Equal(":1", (await server.AskAsync(["GET", "openings"], TestContext.Current.CancellationToken)).Replace("$1\r\n", ":", StringComparison.Ordinal).Replace("$1\n", ":", StringComparison.Ordinal));
    }

    private static LinkUnderTest To(PrivateRedisServer server, Func<LinkTerms, LinkTerms> change) =>
        LinkUnderTest.To(new RespSocketTransport(), RespEndpoint.Tcp("127.0.0.1", server.EndPoint.Port), change);

    private static async Task WaitForRoundAsync(PrivateRedisServer server, long round)
    {
        for (long began = Environment.TickCount64; ; await Task.Delay(20))
        {
            string reply = await server.AskAsync(["INCRBY", "round", "0"], TestContext.Current.CancellationToken);
            if (long.Parse(reply.AsSpan(1), CultureInfo.InvariantCulture) >= round)
                return;
            Assert.True(Environment.TickCount64 - began < Patience.Long.TotalMilliseconds, reply);
        }
    }

    /// <summary>Run only by the test above, in a process of its own that is paused.</summary>
    [Trait("Run", "OnRequest")]
    public sealed class PausedClient
    {
        public const string Port = "SLUICE_TEST_PORT";

        [Fact(Explicit = true)]
        public async Task Work_until_told_to_stop()
        {
            int port = int.Parse(Environment.GetEnvironmentVariable(Port)!, CultureInfo.InvariantCulture);
            await using LinkUnderTest link = LinkUnderTest.To(
                new RespSocketTransport(), RespEndpoint.Tcp("127.0.0.1", port), static terms => terms with { Connection = terms.Connection with { PingAfter = 100, PeerTimeout = 600 } });
            await link.OpenAsync();
            while (await link.Text("GET", "stop") is null)
            {
                // One in flight nearly always: a pause finds it there.
                await link.Int64("INCRBY", "round", "1");
            }

            await link.Text("SET", "openings", link.Link.Openings.ToString(CultureInfo.InvariantCulture));
        }
    }
}
