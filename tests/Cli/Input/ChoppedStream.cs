using Sluice.Cli.Input;

namespace Sluice.Cli.Tests.Input;

/// <summary>Gives its bytes in pieces of given sizes, over and over; the last size goes on.</summary>
internal sealed class ChoppedStream(byte[] bytes, params int[] sizes) : ReadOnlyStream
{
    private int _at;
    private int _piece;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int size = sizes[Math.Min(_piece++, sizes.Length - 1)];
        int count = Math.Min(Math.Min(size, buffer.Length), bytes.Length - _at);
        bytes.AsSpan(_at, count).CopyTo(buffer.Span);
        _at += count;
        return ValueTask.FromResult(count);
    }
}
