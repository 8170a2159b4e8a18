using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Sluice.Harness.Tests;

public sealed class FreePortTests
{
    // Two servers of one test run on one port: the second dies, or worse, the test talks to the first.
    [Fact]
    public void Every_call_gives_another_port()
    {
        int[] ports = [.. Enumerable.Range(0, 50).AsParallel().Select(_ => FreePort.Next())];

        Assert.Equal(ports.Length, ports.Distinct().Count());
    }

    [Fact]
    public void A_port_on_which_someone_listens_is_passed_over()
    {
        List<TcpListener> listeners = [];
        try
        {
            // The next ports in line, in whatever order other tests draw them, are all taken here.
            int first = FreePort.Next();
            for (int port = first + 1; port <= first + 20; port++)
                listeners.AddRange(TryListen(port));
            int[] taken = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];

            Assert.DoesNotContain(FreePort.Next(), taken);
            Assert.NotEmpty(taken);
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
        }
    }

    // A port of the ephemeral range may be given to anybody's outgoing connection between finding and binding it.
    [Fact]
    public void Ports_lie_below_the_range_of_outgoing_connections()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The range is read from /proc.");
        int ephemeral = int.Parse(File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t', ' ')[0], System.Globalization.CultureInfo.InvariantCulture);

        Assert.True(FreePort.Next() + 10_000 < ephemeral);
    }

    private static IEnumerable<TcpListener> TryListen(int port)
    {
        TcpListener listener = new(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return [listener];
        }
        catch (SocketException)
        {
            listener.Dispose();
            return [];
        }
    }
}
