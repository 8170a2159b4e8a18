using System.Net.Sockets;

namespace Sluice.Resp.Transport;

/// <summary>The kernel's words in the client's.</summary>
internal static class TransportFaults
{
    /// <summary>An established connection broke.</summary>
    public static RespTransportException Broken(SocketError error)
    {
        SocketException inner = new((int)error);
        return error switch
        {
            // A broken pipe (Shutdown) is the reset that had already come when this side sent.
            SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted =>
                new(RespTransportFault.Reset, "The server closed or reset the connection.", inner),
            SocketError.TimedOut or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown or SocketError.HostDown =>
                new(RespTransportFault.PeerSilent, "The server no longer answers: keep-alive or TCP_USER_TIMEOUT ended the connection.", inner),
            _ => new(RespTransportFault.Other, $"The connection broke: {inner.Message}.", inner),
        };
    }

    /// <summary>One address could not be connected to.</summary>
    public static RespTransportException NotConnected(RespEndpoint endpoint, SocketException inner)
    {
        RespTransportFault fault = inner.SocketErrorCode switch
        {
            SocketError.ConnectionRefused or SocketError.AddressNotAvailable or SocketError.ConnectionReset => RespTransportFault.Refused,
            SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown or SocketError.HostDown => RespTransportFault.Unreachable,
            SocketError.TimedOut => RespTransportFault.ConnectTimedOut,

            // The path of a Unix-domain socket that does not exist has no error code of the sockets' own: ENOENT is 2 everywhere.
            _ when endpoint.UnixPath is not null && inner.NativeErrorCode == 2 => RespTransportFault.Refused,
            _ => RespTransportFault.Other,
        };
        return new RespTransportException(fault, $"Cannot connect to {endpoint}: {inner.Message}.", inner);
    }

    /// <summary>The time for a connect is over.</summary>
    public static RespTransportException TimedOut(RespEndpoint endpoint, string what, TimeSpan limit, Exception? inner = null) =>
        new(RespTransportFault.ConnectTimedOut, $"{what} {endpoint} took longer than {limit.TotalSeconds:0.###} s.", inner);
}
