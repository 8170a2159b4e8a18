using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Sluice.Resp.Transport;

/// <summary>One attempt to connect, carried out on the calling thread.</summary>
internal sealed class Dial(RespEndpoint endpoint, RespTransportOptions options, CancellationToken cancellationToken)
{
    // How long a cancellation may go unnoticed: poll has no other way to be woken on every system.
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(10);

    private readonly long _began = Stopwatch.GetTimestamp();

    private TimeSpan Left => options.ConnectTimeout - Stopwatch.GetElapsedTime(_began);

    /// <summary>A connection, configured and encrypted as the options say.</summary>
    /// <exception cref="RespTransportException">There is none.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left open.</exception>
    public IRespDuplex Connect()
    {
        PolledSocket socket = new(ConnectSocket(), options.SpinTime);
        if (options.Tls is not { } tls)
            return new SocketDuplex(socket, socket, socket, encryption: null);
        TlsBytes? encrypted = null;
        try
        {
            encrypted = new TlsBytes(socket);
            TimeSpan left = Left;
            encrypted.Authenticate(endpoint, tls, left < tls.HandshakeTimeout ? left : tls.HandshakeTimeout, cancellationToken);
            return new SocketDuplex(socket, encrypted, encrypted, encrypted);
        }
        catch
        {
            encrypted?.Dispose();
            socket.Dispose();
            throw;
        }
    }

    private Socket ConnectSocket()
    {
        if (endpoint.UnixPath is not null)
            return ConnectAny([new UnixDomainSocketEndPoint(endpoint.UnixPath)]);
        if (IPAddress.TryParse(endpoint.Host, out IPAddress? address))
            return ConnectAny([new IPEndPoint(address, endpoint.Port)]);
        return ConnectAny([.. Resolve(endpoint.Host!).Select(found => new IPEndPoint(found, endpoint.Port))]);
    }

    /// <summary>
    /// Asks the system's resolver, which knows neither time-outs nor cancellation: on a thread of its own that is left behind with the question when the time
    /// is over, and ends with the answer that nobody hears.
    /// </summary>
    private IPAddress[] Resolve(string host)
    {
        NameQuestion question = new(host);
        question.Ask();
        if (!question.Answered.Wait(Left > TimeSpan.Zero ? Left : TimeSpan.Zero, cancellationToken))
            throw TransportFaults.TimedOut(endpoint, "Resolving the name of", options.ConnectTimeout);
        if (question.Failure is null && question.Addresses.Length > 0)
            return question.Addresses;
        throw new RespTransportException(RespTransportFault.NameNotResolved, $"Cannot resolve the host of {endpoint}: {question.Failure?.Message ?? "it has no address"}.", question.Failure);
    }

    /// <summary>The first address that answers. Each gets a head start on the next one, so that a dead one costs a moment and not the whole time.</summary>
    internal Socket ConnectAny(IReadOnlyList<EndPoint> addresses)
    {
        List<Socket> attempts = [];
        Socket? connected = null;
        SocketException? refused = null;
        try
        {
            int begun = 0;
            TimeSpan nextAt = TimeSpan.Zero;
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (Left <= TimeSpan.Zero)
                    throw TransportFaults.TimedOut(endpoint, "Connecting to", options.ConnectTimeout, refused);
                if (begun < addresses.Count && (attempts.Count == 0 || Stopwatch.GetElapsedTime(_began) >= nextAt))
                {
                    (Socket? attempt, bool done, SocketException? failed) = Begin(addresses[begun++]);
                    refused = failed ?? refused;
                    nextAt = Stopwatch.GetElapsedTime(_began) + options.NextAddressAfter;
                    if (attempt is null)
                        continue;
                    attempts.Add(attempt);
                    if (done)
                        return connected = attempt;
                }

                if (attempts.Count == 0)
                    throw TransportFaults.NotConnected(endpoint, refused ?? new SocketException((int)SocketError.HostNotFound));
                if (TryFinish(attempts, ref refused) is { } first)
                    return connected = first;
            }
        }
        finally
        {
            foreach (Socket attempt in attempts)
            {
                if (attempt != connected)
                    attempt.Dispose();
            }
        }
    }

    private (Socket? Attempt, bool Connected, SocketException? Failed) Begin(EndPoint address)
    {
        Socket socket = new(address.AddressFamily, SocketType.Stream, address.AddressFamily == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            SocketConfiguration.Apply(socket, options);
            socket.Blocking = false;
            socket.Connect(address);
            return (socket, true, null);
        }
        catch (SocketException waiting) when (waiting.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            return (socket, false, null);
        }
        catch (SocketException failed)
        {
            socket.Dispose();
            return (null, false, failed);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static Socket? TryFinish(List<Socket> attempts, ref SocketException? refused)
    {
        List<Socket> writable = [.. attempts], failing = [.. attempts];
        Socket.Select(null, writable, failing, LookAgainAfter);
        foreach (Socket decided in writable.Union(failing))
        {
            int error = (int)decided.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
            if (error == 0)
                return decided;
            refused = new SocketException(error);
            attempts.Remove(decided);
            decided.Dispose();
        }

        return null;
    }
}
