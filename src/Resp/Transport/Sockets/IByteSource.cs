namespace Sluice.Resp.Transport;

/// <summary>Where the bytes of one connection come from. One thread at a time; it may wait in the kernel, never in the thread pool.</summary>
internal interface IByteSource
{
    /// <summary>Blocks until there may be something to receive, or the connection has ended.</summary>
    /// <exception cref="RespTransportException">The connection broke.</exception>
    void WaitReadable();

    /// <summary>Receives what is there, without waiting where it can be avoided: the count, 0 at the end of the stream, -1 if there is nothing yet.</summary>
    /// <exception cref="RespTransportException">The connection broke.</exception>
    int Receive(Span<byte> destination);
}

/// <summary>Where the bytes of one connection go. One caller at a time.</summary>
internal interface IByteSink
{
    /// <summary>Sends as much as goes without waiting and cuts it off the front.</summary>
    /// <returns>True when everything is with the kernel; false when it takes no more at the moment.</returns>
    /// <exception cref="RespTransportException">The connection broke.</exception>
    bool TrySend(ref ReadOnlyMemory<byte> remaining);

    /// <summary>Blocks until more may be sent, or the connection has ended.</summary>
    /// <exception cref="RespTransportException">The connection broke.</exception>
    void WaitWritable();
}
