using System.Buffers.Binary;
using System.Text;

namespace Sluice.Cli.Workers;

/// <summary>What a frame between the tool and one of its worker processes is.</summary>
internal enum Message : byte
{
    /// <summary>To the worker, first: everything that it has to know.</summary>
    Start,

    /// <summary>To the worker: lines to merge.</summary>
    Lines,

    /// <summary>To the worker: something to do when the lines before it are merged; it is answered by <see cref="Done"/>.</summary>
    Ask,

    /// <summary>From the worker: it is ready for lines.</summary>
    Started,

    /// <summary>From the worker: its watermark, and that it is alive.</summary>
    Watermark,

    /// <summary>From the worker: a completed session.</summary>
    Completed,

    /// <summary>From the worker: the answer to <see cref="Ask"/>.</summary>
    Done,

    /// <summary>From the worker, last: why it can't go on.</summary>
    Fault,
}

/// <summary>
/// Frames over a pair of pipes: a length (4 bytes, little-endian), a <see cref="Message"/>, the content. Any thread may send; one reads. What was sent before a process
/// was killed can still be read: the pipe belongs to the kernel.
/// </summary>
internal sealed class FramePipe(Stream input, Stream output) : IDisposable
{
    private const int HeaderBytes = 5;
    private const int LongestFrame = 64 << 20;

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly MemoryStream _frame = new();
    private readonly byte[] _header = new byte[HeaderBytes];

    /// <summary>Sends one frame.</summary>
    /// <exception cref="IOException">Nobody reads any more.</exception>
    public async ValueTask SendAsync<T>(Message message, T content, Action<BinaryWriter, T> write, CancellationToken cancellation = default)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            _frame.SetLength(0);
            using (BinaryWriter writer = new(_frame, Encoding.UTF8, leaveOpen: true))
            {
                writer.Write(0);
                writer.Write((byte)message);
                write(writer, content);
            }

            BinaryPrimitives.WriteInt32LittleEndian(_frame.GetBuffer(), (int)_frame.Length - HeaderBytes);

            // Not cancelled half-way: half a frame would be the end of the pipe.
            await output.WriteAsync(_frame.GetBuffer().AsMemory(0, (int)_frame.Length), CancellationToken.None).ConfigureAwait(false);
            await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The next frame; null when there are no more, also when the last one was cut off.</summary>
    public async ValueTask<(Message Message, BinaryReader Content)?> ReadAsync()
    {
        try
        {
            await input.ReadExactlyAsync(_header).ConfigureAwait(false);
            int length = BinaryPrimitives.ReadInt32LittleEndian(_header);
            if (length is < 0 or > LongestFrame)
                return null;
            byte[] content = new byte[length];
            await input.ReadExactlyAsync(content).ConfigureAwait(false);
            return ((Message)_header[4], new BinaryReader(new MemoryStream(content), Encoding.UTF8));
        }
        catch (Exception e) when (e is EndOfStreamException or IOException or ObjectDisposedException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _gate.Dispose();
        _frame.Dispose();
    }
}
