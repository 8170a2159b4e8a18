namespace Sluice.Resp;

/// <summary>
/// Makes connections to servers. The client's way to the network: <see cref="RespSocketTransport"/> is the one that is shipped;
/// <see cref="RespPipeTransport"/> makes one of anything that can make an <see cref="System.IO.Pipelines.IDuplexPipe"/>.
/// </summary>
/// <remarks>Thread-safe: several connections may be made at the same time.</remarks>
public interface IRespTransport
{
    /// <summary>Makes one connection. The caller owns it and disposes it.</summary>
    /// <param name="endpoint">Where to.</param>
    /// <param name="cancellationToken">Ends the attempt; whatever had been opened is closed before the task ends.</param>
    /// <exception cref="RespTransportException">There is no connection; <see cref="RespTransportException.Fault"/> says why.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    ValueTask<IRespDuplex> ConnectAsync(RespEndpoint endpoint, CancellationToken cancellationToken);
}
