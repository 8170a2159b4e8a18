using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Sluice.Harness.Tests;

public sealed class PrivateRabbitServerTests
{
    private static CancellationToken GiveUp => TestContext.Current.CancellationToken;

    // Prevents: a broker for the whole machine that stays when the tests have ended, and tests that wait for a broker that is not ready. Its greeting is the protocol's.
    [Fact]
    public async Task A_broker_greets_clients_and_leaves_nothing_behind()
    {
        Assert.SkipUnless(PrivateRabbitServer.Unavailable is null, PrivateRabbitServer.Unavailable ?? "");
        Uri address;
        await using (PrivateRabbitServer server = await PrivateRabbitServer.StartAsync(GiveUp))
        {
            address = new Uri(server.Url);
            using TcpClient client = new();
            await client.ConnectAsync(address.Host, address.Port, GiveUp);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes("AMQP\0\0\u0009\u0001"), GiveUp);
            byte[] frame = new byte[11];
            await client.GetStream().ReadExactlyAsync(frame, GiveUp);
            Assert.Equal([1, 0, 0], frame[..3]);                  // a method frame of channel 0
            Assert.Equal([0, 10, 0, 10], frame[7..]);             // connection.start
        }

        using TcpClient late = new();
        await Assert.ThrowsAsync<SocketException>(() => late.ConnectAsync(address.Host, address.Port, GiveUp).AsTask());
    }
}
