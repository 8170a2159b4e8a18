namespace Sluice.Cli.Input;

/// <summary>An input could not be read, or not to its end. The message says why, without the input's name.</summary>
internal sealed class UnreadableInputException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>One of the inputs of a run: a file, standard input, or the sample.</summary>
/// <param name="name">As people know it.</param>
/// <param name="length">Bytes as stored, or null when that is not known.</param>
/// <param name="open">Opens it; called once.</param>
internal sealed class LogInput(string name, long? length, Func<Stream> open)
{
    public string Name { get; } = name;

    /// <summary>Bytes as stored (compressed, if it is), or null.</summary>
    public long? Length { get; } = length;

    public static LogInput File(string path)
    {
        FileInfo file = new(path);
        return new LogInput(path, file.Exists ? file.Length : null, () => new FileStream(
            path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0, Options = FileOptions.SequentialScan }));
    }

    public static LogInput StandardInput() => new("standard input", null, static () => new InterruptibleStream(Console.OpenStandardInput()));

    /// <summary>Opens the input as text: gzip is seen by its first bytes and decompressed.</summary>
    /// <param name="stored">Counts the bytes as stored while they are read.</param>
    /// <param name="cancellation">Stops the wait for the first bytes.</param>
    /// <exception cref="UnreadableInputException">It can't be opened, or is compressed in another way.</exception>
    public async ValueTask<Stream> OpenAsync(ByteCount stored, CancellationToken cancellation)
    {
        Stream? source = null;
        try
        {
            source = open();
            byte[] head = new byte[6];
            int taken = await source.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            Stream whole = new HeadedStream(head.AsMemory(0, taken), source, stored);
            source = null;
            if (head.AsSpan(0, taken) is [0x1F, 0x8B, ..])
                return new GzipStream(whole);
            if (OtherCompression(head.AsSpan(0, taken)) is not { } other)
                return whole;
            await whole.DisposeAsync().ConfigureAwait(false);
            throw new UnreadableInputException($"it is compressed with {other}; only gzip and plain text are read. Decompress it into standard input: {other} -dc FILE | sluice ingest -");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new UnreadableInputException(Reason(e), e);
        }
        finally
        {
            if (source is not null)
                await source.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Says in a few words why reading failed.</summary>
    public static string Reason(Exception failure) => failure switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file",
        UnauthorizedAccessException e when Directory.Exists(PathOf(e)) => "it is a directory",
        UnauthorizedAccessException => "permission is denied, or it is a directory",
        _ => failure.Message,
    };

    private static string? PathOf(UnauthorizedAccessException failure) => failure.Message.Split('\'') is [_, string path, ..] ? path : null;

    private static string? OtherCompression(ReadOnlySpan<byte> head) => head switch
    {
        [0x28, 0xB5, 0x2F, 0xFD, ..] => "zstd",
        [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', ..] => "xz",
        [(byte)'B', (byte)'Z', (byte)'h', _, 0x31, 0x41, ..] => "bzip2",
        _ => null,
    };

    /// <summary>Puts back the bytes that were looked at, and counts.</summary>
    private sealed class HeadedStream(ReadOnlyMemory<byte> head, Stream rest, ByteCount stored) : ReadOnlyStream
    {
        private ReadOnlyMemory<byte> _head = head;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int read;
            if (_head.IsEmpty)
            {
                read = await rest.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                read = Math.Min(_head.Length, buffer.Length);
                _head[..read].CopyTo(buffer);
                _head = _head[read..];
            }

            stored.Add(read);
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                rest.Dispose();
            base.Dispose(disposing);
        }
    }
}

/// <summary>A count that one thread adds to and others look at.</summary>
internal sealed class ByteCount
{
    private long _value;

    public long Value => Volatile.Read(ref _value);

    public void Add(long bytes) => Volatile.Write(ref _value, _value + bytes);
}
