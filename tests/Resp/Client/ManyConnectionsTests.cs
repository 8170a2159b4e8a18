using System.IO.Pipelines;
using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>The budget of dials must hold back a client whose server is dead, and no other.</summary>
public sealed class ManyConnectionsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // A budget of 32 let the last of 64 connections wait for a second and a half behind nothing.
    [Fact]
    public async Task The_largest_client_is_connected_without_waiting_for_its_budget()
    {
        FakeServer server = new(Greets);
        // A dial an hour: what is not within the burst would not come within this test.
        await using RespClient client = await RespClient.ConnectAsync(server.Options with { Connections = 64, DialsPerSecond = 0.01, ConnectTimeout = TimeSpan.FromSeconds(30) }, Stop);
        Assert.True(client.GetState().IsConnected);
        Assert.Equal(64, client.GetState().Links.Count);
        await client.PubSubLink.OpenAsync(failFast: true, Stop);
    }

    [Theory]
    [InlineData(1, null, 32)]
    [InlineData(16, null, 32)]
    [InlineData(32, null, 64)]
    [InlineData(64, null, 128)]
    [InlineData(64, 5, 5)]
    public void The_burst_fits_the_connections_unless_it_is_set(int connections, int? set, int expected)
    {
        RespClientOptions options = new() { Connections = 1 };
        if (set is { } burst)
            options = options with { DialBurst = burst };
        Assert.Equal(expected, (options with { Connections = connections }).DialBurst);
    }

    // Sixty-four connections to a machine that is gone must not dial without end; and the first that is let in again ends the waiting of all, in debt or in back-off as they may be.
    [Fact]
    public async Task A_dead_server_is_dialled_within_the_budget_and_a_living_one_by_all_at_once()
    {
        // With this rate the last of them would come after a minute, if it were for the rate.
        const double PerSecond = 1;
        FakeServer server = new(Greets);
        int dials = 0, alive = 0;
        RespPipeTransport transport = new(async (endpoint, cancellation) =>
        {
            Interlocked.Increment(ref dials);
            if (Volatile.Read(ref alive) == 0)
                throw new IOException("nobody listens");
            return await server.Transport.ConnectAsync(endpoint, cancellation);
        });
        // Beside the budget nothing slows it down.
        RespClientOptions options = server.Options with
        {
            Transport = transport,
            Connections = 64,
            DialsPerSecond = PerSecond,
            BackoffFirst = TimeSpan.FromMilliseconds(1),
            BackoffCap = TimeSpan.FromMilliseconds(1),
        };
        long began = Environment.TickCount64;
        await using RespClient client = RespClient.Create(options);
        await Task.Delay(1500, Stop);
        int dead = Volatile.Read(ref dials);
        double seconds = (Environment.TickCount64 - began) / 1000.0;
        Assert.InRange(dead, 2, options.DialBurst + (PerSecond * seconds) + 1);

        Volatile.Write(ref alive, 1);
        await Connection.Patience.UntilAsync(() => client.GetState().IsConnected, "all connections are open");
        await Task.WhenAll(Enumerable.Range(0, 64).Select(n => client.SetAsync($"key{n}", "x", cancellationToken: Stop).AsTask()));
    }

    private static string Greets(string[] command) => command[0] == "HELLO" ? "%0\r\n" : "+OK\r\n";
}
