using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Sluice.Harness;
using Sluice.Resp.Client;

namespace Sluice.Resp.Tests.Client;

/// <summary>What the callers of a <see cref="LossUnderLoad"/> met.</summary>
/// <param name="Right">Replies that were the caller's own.</param>
/// <param name="Wrong">Replies that were not: must be none.</param>
/// <param name="Lost">Commands that failed with their connection.</param>
/// <param name="Other">Commands that failed in another way: must be none.</param>
internal readonly record struct LoadCounts(long Right, long Wrong, long Lost, long Other);

/// <summary>
/// A client with several connections, all of them busy, whose server is killed and started again, or stopped and continued: how long each connection takes until it serves, or until the
/// silence is noticed.
/// </summary>
internal sealed class LossUnderLoad : IAsyncDisposable
{
    private readonly PrivateRedisServer _server;
    private readonly string[] _tags;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _callers;
    private long _right;
    private long _wrong;
    private long _lost;
    private long _other;

    private LossUnderLoad(PrivateRedisServer server, RespClient client, int callers)
    {
        _server = server;
        Client = client;
        _tags = [.. Enumerable.Range(0, client.Options.Connections).Select(connection => TagOf(connection, client.Options.Connections))];
        _callers = Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(() => CallAsync(caller))));
    }

    public RespClient Client { get; }

    public LoadCounts Counts => new(Interlocked.Read(ref _right), Interlocked.Read(ref _wrong), Interlocked.Read(ref _lost), Interlocked.Read(ref _other));

    /// <param name="server">Killed, stopped and started again.</param>
    /// <param name="options">Of a client of that server.</param>
    /// <param name="callers">How many keep it busy.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<LossUnderLoad> BeginAsync(PrivateRedisServer server, RespClientOptions options, int callers, CancellationToken cancellationToken) =>
        new(server, await RespClient.ConnectAsync(options, cancellationToken), callers);

    /// <summary>Where a server listens.</summary>
    public static RespEndpoint At(PrivateRedisServer server) => RespEndpoint.Tcp("127.0.0.1", server.EndPoint.Port);

    /// <summary>SIGKILL, some time without a server, and a new one on the same port.</summary>
    /// <returns>For each connection the time from the server listening to the first reply to a command that was issued after the old server was gone.</returns>
    public async Task<TimeSpan[]> KillAndRestartAsync(TimeSpan away, CancellationToken cancellationToken)
    {
        _server.Process.Kill();
        await _server.Process.ExitCode.WaitAsync(cancellationToken);
        // From here on only the new server can answer.
        Task<long>[] served = [.. _tags.Select(tag => Task.Run(() => UntilServedAsync(tag, cancellationToken), cancellationToken))];
        await Task.Delay(away, cancellationToken);
        Task<long> listening = Task.Run(() => UntilListens(new IPEndPoint(IPAddress.Loopback, Client.Options.Endpoint.Port), cancellationToken), cancellationToken);
        await _server.RestartAsync(cancellationToken);
        long listens = await listening;
        long[] at = await Task.WhenAll(served);
        return [.. at.Select(moment => Stopwatch.GetElapsedTime(listens, Math.Max(listens, moment)))];
    }

    /// <summary>SIGSTOP until every connection has noticed, then SIGCONT and until every connection serves again.</summary>
    /// <returns>For each connection the time from the stop to the failure of what was in flight.</returns>
    public async Task<TimeSpan[]> StopAndContinueAsync(CancellationToken cancellationToken)
    {
        _server.Process.Suspend();
        long stopped = Stopwatch.GetTimestamp();
        TimeSpan[] noticed;
        try
        {
            long[] at = await Task.WhenAll(_tags.Select(tag => Task.Run(() => UntilLostAsync(tag, cancellationToken), cancellationToken)));
            noticed = [.. at.Select(moment => Stopwatch.GetElapsedTime(stopped, moment))];
        }
        finally
        {
            _server.Process.Resume();
        }

        await Task.WhenAll(_tags.Select(tag => Task.Run(() => UntilServedAsync(tag, cancellationToken), cancellationToken)));
        return noticed;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _callers;
        await Client.DisposeAsync();
        _stop.Dispose();
    }

    /// <summary>A key part that leads to this connection.</summary>
    private static string TagOf(int connection, int connections)
    {
        for (int n = 0; ; n++)
        {
            string tag = string.Create(CultureInfo.InvariantCulture, $"{{c{n}}}");
            if ((KeyHash.Of(System.Text.Encoding.ASCII.GetBytes(tag)) & (uint)(connections - 1)) == connection)
                return tag;
        }
    }

    private static long UntilListens(IPEndPoint endPoint, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(endPoint);
                return Stopwatch.GetTimestamp();
            }
            catch (SocketException)
            {
                // It does not listen yet. Its process needs the processor more than this loop does.
                Thread.Sleep(1);
            }
        }
    }

    private async Task<long> UntilServedAsync(string tag, CancellationToken cancellationToken)
    {
        string value = $"{tag}:probe";
        while (true)
        {
            try
            {
                string? echoed = await EchoAsync(value, cancellationToken);
                return echoed == value ? Stopwatch.GetTimestamp() : throw new InvalidDataException($"{value} came back as {echoed}.");
            }
            catch (RespConnectionException)
            {
                // With the connection that was there before: the next one waits for the new connection.
            }
        }
    }

    private async Task<long> UntilLostAsync(string tag, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
                await EchoAsync($"{tag}:probe", cancellationToken); // a reply that was on its way when the server stopped
        }
        catch (RespConnectionException)
        {
            return Stopwatch.GetTimestamp();
        }
    }

    private async Task CallAsync(int caller)
    {
        string tag = _tags[caller % _tags.Length];
        for (int n = 0; !_stop.IsCancellationRequested; n++)
        {
            string value = string.Create(CultureInfo.InvariantCulture, $"{tag}:{caller}-{n}");
            try
            {
                Interlocked.Increment(ref await EchoAsync(value, CancellationToken.None) == value ? ref _right : ref _wrong);
            }
            catch (RespConnectionException)
            {
                Interlocked.Increment(ref _lost);
            }
            catch (RespException)
            {
                Interlocked.Increment(ref _other);
            }
        }
    }

    private ValueTask<string?> EchoAsync(string value, CancellationToken cancellationToken) =>
        Client.Command("ECHO").Key(value).ToTextAsync(Timeout.InfiniteTimeSpan, cancellationToken);
}
