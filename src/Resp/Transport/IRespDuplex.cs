using System.IO.Pipelines;

namespace Sluice.Resp;

/// <summary>One connection to a server: bytes in, bytes out, and an end that any thread may cause.</summary>
/// <remarks>
/// <para><see cref="IDuplexPipe.Input"/> belongs to one thread at a time, which reads, and <see cref="IDuplexPipe.Output"/> to one writer at a time; they are
/// independent of each other. An implementation may block the reading thread in <see cref="PipeReader.ReadAsync"/> until there is something to read:
/// the client reads on a thread of its own.</para>
/// <para>Memory that is given to <see cref="PipeWriter.WriteAsync"/> belongs to the duplex until the returned task has ended.</para>
/// </remarks>
public interface IRespDuplex : IDuplexPipe, IAsyncDisposable
{
    /// <summary>
    /// Ends both directions now: the read that is under way, or else the next one, ends within a bounded time (completed, cancelled or with an
    /// exception), and so does the write. Any thread, any number of times; never blocks and never throws. Descriptors stay open until the duplex is disposed.
    /// </summary>
    void Shutdown();
}
