using System.IO.Pipelines;
using Sluice.Resp.Transport;
using Xunit;

namespace Sluice.Resp.Tests.Transport;

public sealed class EpollTests
{
    // One asynchronous call on the socket, ever, and the runtime's epoll thread wakes for every answer that the reader's thread gets: twice the processor
    // time (docs/decisions/0004), and no test of behaviour would notice.
    [Fact]
    public async Task The_runtimes_epoll_engine_does_not_know_the_socket()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Read from /proc.");
        await using Connected pair = await Connected.MakeAsync();
        Task<FlushResult> pending = pair.Output.WriteAsync(new byte[32_000_000]).AsTask();
        pair.ServerTakes(32_000_000);
        await pending;
        pair.Server.Send("abc"u8);
        Connected.Take(pair.Input);

        // The other end is read asynchronously, to see that the engine's sockets are found.
        Task<int> control = pair.Server.ReceiveAsync(new byte[1]);
        List<int> watched = WatchedDescriptors();
        await pair.Output.WriteAsync("x"u8.ToArray());
        await control;

        Assert.Contains(pair.Server.Handle.ToInt32(), watched);
        Assert.DoesNotContain(((SocketDuplex)pair.Client).Socket.Handle.ToInt32(), watched);
    }

    private static List<int> WatchedDescriptors()
    {
        List<int> watched = [];
        foreach (string descriptor in Directory.GetFiles("/proc/self/fd"))
        {
            try
            {
                if (File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name.Contains("[eventpoll]", StringComparison.Ordinal) != true)
                    continue;
                watched.AddRange(File.ReadLines($"/proc/self/fdinfo/{Path.GetFileName(descriptor)}")
                    .Where(line => line.StartsWith("tfd:", StringComparison.Ordinal))
                    .Select(line => int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1])));
            }
            catch (IOException)
            {
                // closed since the folder was listed
            }
        }

        return watched;
    }
}
