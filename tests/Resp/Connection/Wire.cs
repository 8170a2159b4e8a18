namespace Sluice.Resp.Tests.Connection;

/// <summary>What the bytes go through: the connection promises the same over anything that makes a duplex pipe.</summary>
public enum Wire
{
    /// <summary>The transport that is shipped.</summary>
    Sockets,

    /// <summary>Two plain pipes in memory, whose other ends are the server's.</summary>
    Pipes,

    /// <summary>What another library would make: pipes made of a stream, with small segments, that know nothing of this client.</summary>
    Streams,
}
