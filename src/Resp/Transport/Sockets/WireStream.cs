using System.Diagnostics;

namespace Sluice.Resp.Transport;

/// <summary>
/// What TLS reads from and writes to: the socket as a stream. During the handshake both directions wait, up to a deadline. Afterwards reading waits for as long as
/// it takes, and writing never does: what the kernel does not take is kept here until <see cref="TrySendKept"/>.
/// </summary>
/// <remarks>
/// It keeps at most what one call of TLS writes, about 17 KB, because the next call comes only when it is empty. Reading and writing by one thread each.
/// Synchronous only; TLS is never asked for anything asynchronous, so that nothing of it runs on the thread pool.
/// </remarks>
internal sealed class WireStream(PolledSocket socket) : Stream
{
    // How long a cancelled handshake may go on.
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(10);

    private readonly Lock _writing = new();     // TLS may answer what it reads (an alert) from the reader's thread
    private readonly UnsentBytes _kept = new();
    private CancellationToken _handshakeCancellation;
    private long _deadline;
    private bool _handshaking;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>True once the handshake has taken too long.</summary>
    public bool DeadlinePassed => Stopwatch.GetTimestamp() >= _deadline;

    public void BeginHandshake(TimeSpan limit, CancellationToken cancellationToken)
    {
        _deadline = Stopwatch.GetTimestamp() + (long)(limit.TotalSeconds * Stopwatch.Frequency);
        _handshakeCancellation = cancellationToken;
        _handshaking = true;
    }

    public void EndHandshake()
    {
        _handshakeCancellation = default;
        _handshaking = false;
    }

    /// <summary>True when nothing is kept any more.</summary>
    public bool TrySendKept()
    {
        lock (_writing)
            return _kept.TrySend(socket);
    }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            WaitReadable(); // TLS asks so before it takes a buffer
            return 0;
        }

        while (true)
        {
            int received = socket.Receive(buffer);
            if (received >= 0)
                return received;
            WaitReadable();
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        lock (_writing)
        {
            if (_kept.TrySend(socket))
                socket.TrySend(ref buffer);
            _kept.Append(buffer);
            if (!_handshaking)
                return;
            while (!_kept.TrySend(socket))
                WaitForHandshake(write: true);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // Nothing is held back to be sent later on purpose.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void WaitReadable()
    {
        if (_handshaking)
            WaitForHandshake(write: false);
        else
            socket.WaitReadable();
    }

    private void WaitForHandshake(bool write)
    {
        while (!(write ? socket.WaitWritable(LookAgainAfter) : socket.WaitReadable(LookAgainAfter)))
        {
            _handshakeCancellation.ThrowIfCancellationRequested();
            if (DeadlinePassed)
                throw new RespTransportException(RespTransportFault.ConnectTimedOut, "The TLS handshake took too long.");
        }
    }
}
