using Sluice.Harness;
using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>Servers that go and come while everybody works, seen by a client with several connections. `bench -- resp --case restart` prints the times.</summary>
public sealed class LossUnderLoadTests(ITestOutputHelper output)
{
    // A bound for what takes milliseconds: only order is asserted here, for the machine may be busy.
    private static readonly TimeSpan TenfoldSecond = TimeSpan.FromSeconds(10);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // A deployment restarts its servers under load. With many connections the budget of dials for a dead server once stood in the way of the living one.
    [Theory]
    [InlineData(4)]
    [InlineData(16)]
    public async Task Every_connection_serves_soon_after_a_killed_server_listens_again(int connections)
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], Stop);
        await using LossUnderLoad load = await LossUnderLoad.BeginAsync(server, new RespClientOptions { Endpoint = LossUnderLoad.At(server), Connections = connections }, callers: 128, Stop);
        for (int round = 0; round < 3; round++)
        {
            await Task.Delay(100, Stop);
            TimeSpan[] served = await load.KillAndRestartAsync(TimeSpan.FromMilliseconds(round * 600), Stop);
            output.WriteLine($"{connections} connections, away for {round * 600} ms and more: the first served {served.Min().TotalMilliseconds:F0} ms after the server listened, the last {served.Max().TotalMilliseconds:F0} ms");
            Assert.Equal(connections, served.Length);
            Assert.True(served.Max() < TenfoldSecond, $"{served.Max()}");
            Assert.True(load.Client.GetState().IsConnected);
        }

        LoadCounts counts = load.Counts;
        output.WriteLine($"{counts}");
        Assert.Equal((0, 0), (counts.Wrong, counts.Other));
        Assert.True(counts.Right > 1000 && counts.Lost > 0);
    }

    // A machine that hangs keeps its connections open: only silence tells, on each of them.
    [Fact]
    public async Task Every_connection_notices_a_stopped_server_and_serves_when_it_goes_on()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        TimeSpan peerTimeout = TimeSpan.FromMilliseconds(400);
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], Stop);
        await using LossUnderLoad load = await LossUnderLoad.BeginAsync(server, new RespClientOptions { Endpoint = LossUnderLoad.At(server), Connections = 8, PeerTimeout = peerTimeout }, callers: 64, Stop);
        for (int round = 0; round < 2; round++)
        {
            await Task.Delay(100, Stop);
            TimeSpan[] noticed = await load.StopAndContinueAsync(Stop);
            output.WriteLine($"noticed after {noticed.Min().TotalMilliseconds:F0} to {noticed.Max().TotalMilliseconds:F0} ms, configured {peerTimeout.TotalMilliseconds:F0} ms");
            Assert.True(noticed.Max() < 10 * peerTimeout, $"{noticed.Max()}");
        }

        LoadCounts counts = load.Counts;
        output.WriteLine($"{counts}");
        Assert.Equal((0, 0), (counts.Wrong, counts.Other));
        Assert.True(counts.Right > 100 && counts.Lost > 0);
    }
}
