namespace Sluice.Resp.Transport;

/// <summary>What was written into the writer's own memory and is not yet sent: a queue of buffers. Not thread-safe; holds no buffer when it is empty.</summary>
internal sealed class UnsentBytes
{
    private readonly Queue<Piece> _full = new();
    private Piece _open;

    /// <summary>Bytes that wait.</summary>
    public long Length { get; private set; }

    /// <summary>Room for at least <paramref name="sizeHint"/> bytes, and for one at least.</summary>
    public Memory<byte> GetMemory(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        int needed = Math.Max(sizeHint, 1);
        if (_open.Buffer is null || _open.Buffer.Length - _open.End < needed)
        {
            CloseOpen();
            _open = new Piece(TransportBuffers.Rent(needed), 0, 0);
        }

        return _open.Buffer.AsMemory(_open.End);
    }

    /// <summary>The first <paramref name="count"/> bytes of the last memory are content.</summary>
    public void Advance(int count)
    {
        if (count < 0 || count > (_open.Buffer?.Length ?? 0) - _open.End)
            throw new ArgumentOutOfRangeException(nameof(count), count, "More bytes than there was memory for.");
        _open = _open with { End = _open.End + count };
        Length += count;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            Span<byte> room = GetMemory(1).Span;
            int count = Math.Min(room.Length, bytes.Length);
            bytes[..count].CopyTo(room);
            Advance(count);
            bytes = bytes[count..];
        }
    }

    /// <summary>Hands over what goes without waiting; true when nothing is left.</summary>
    public bool TrySend(IByteSink sink)
    {
        if (Length == 0)
            return true;
        CloseOpen();
        while (_full.TryDequeue(out Piece first))
        {
            ReadOnlyMemory<byte> remaining = first.Buffer.AsMemory(first.Start, first.End - first.Start);
            bool sent = sink.TrySend(ref remaining);
            Length -= first.End - first.Start - remaining.Length;
            if (remaining.IsEmpty)
                TransportBuffers.Return(first.Buffer!);
            else
                PutBack(first with { Start = first.End - remaining.Length });
            if (!sent)
                return false;
        }

        return true;
    }

    public void Clear()
    {
        CloseOpen();
        while (_full.TryDequeue(out Piece piece))
            TransportBuffers.Return(piece.Buffer!);
        Length = 0;
    }

    private void CloseOpen()
    {
        if (_open.Buffer is null)
            return;
        if (_open.End > 0)
            _full.Enqueue(_open);
        else
            TransportBuffers.Return(_open.Buffer);
        _open = default;
    }

    private void PutBack(Piece first)
    {
        // A queue has no way back to its front; going round once is rare and short: the kernel was full, and a piece is 64 KiB.
        int others = _full.Count;
        _full.Enqueue(first);
        for (int i = 0; i < others; i++)
            _full.Enqueue(_full.Dequeue());
    }

    private readonly record struct Piece(byte[]? Buffer, int Start, int End);
}
