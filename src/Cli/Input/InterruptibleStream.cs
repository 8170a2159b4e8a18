namespace Sluice.Cli.Input;

/// <summary>
/// Lets a wait for bytes be given up. A read of a console or a pipe can't be: it is left behind then, with a buffer of its own, so that what it may
/// still receive goes nowhere. The source is not disposed, because such a read may still wait on it.
/// </summary>
internal sealed class InterruptibleStream(Stream source) : ReadOnlyStream
{
    private readonly byte[] _buffer = new byte[64 * 1024];

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int wanted = Math.Min(buffer.Length, _buffer.Length);
        int read = await Task.Run(() => source.Read(_buffer, 0, wanted), CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
        _buffer.AsSpan(0, read).CopyTo(buffer.Span);
        return read;
    }
}
