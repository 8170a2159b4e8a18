namespace Sluice.Resp;

/// <summary>What happened to a connection, or to the attempt to make one.</summary>
public enum RespTransportFault
{
    /// <summary>Something that has no name here; the inner exception says more.</summary>
    Other,

    /// <summary>The host's name has no address, or the resolver failed.</summary>
    NameNotResolved,

    /// <summary>Nobody listens there, or the Unix-domain socket does not exist.</summary>
    Refused,

    /// <summary>No route to the address.</summary>
    Unreachable,

    /// <summary>Connecting or the TLS handshake took longer than allowed.</summary>
    ConnectTimedOut,

    /// <summary>The TLS handshake failed; the inner exception says whose fault it was.</summary>
    TlsFailed,

    /// <summary>The peer is gone: it answered neither data nor keep-alive probes for the configured time.</summary>
    PeerSilent,

    /// <summary>The peer reset the connection, or closed it while bytes were on their way to it.</summary>
    Reset,

    /// <summary>This side had shut the connection down.</summary>
    ShutDown,
}

/// <summary>A connection that broke or that could not be made.</summary>
public sealed class RespTransportException : RespException
{
    /// <summary>Use the constructor with a fault.</summary>
    public RespTransportException()
    {
    }

    /// <summary>A fault without a name.</summary>
    public RespTransportException(string message)
        : base(message)
    {
    }

    /// <summary>A fault without a name.</summary>
    public RespTransportException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>A named fault.</summary>
    public RespTransportException(RespTransportFault fault, string message, Exception? innerException = null)
        : base(message, innerException) => Fault = fault;

    /// <summary>What happened.</summary>
    public RespTransportFault Fault { get; }
}
