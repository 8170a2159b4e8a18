using System.Net;
using System.Net.Sockets;

namespace Sluice.Resp.Transport;

/// <summary>One question to the system's resolver, on a thread of its own because it blocks for as long as it likes.</summary>
internal sealed class NameQuestion(string host)
{
    private const int StackBytes = 512 * 1024;

    /// <summary>Set when <see cref="Addresses"/> and <see cref="Failure"/> are final. Never disposed: the thread may set it after the asker left.</summary>
    public ManualResetEventSlim Answered { get; } = new();

    public IPAddress[] Addresses { get; private set; } = [];

    public Exception? Failure { get; private set; }

    public void Ask() => new Thread(Run, StackBytes) { IsBackground = true, Name = "sluice-resp-resolve" }.UnsafeStart();

    private void Run()
    {
        try
        {
            Addresses = Dns.GetHostAddresses(host);
        }
        catch (Exception failed) when (failed is SocketException or ArgumentException)
        {
            Failure = failed;
        }
        finally
        {
            Answered.Set();
        }
    }
}
