using System.IO.Compression;

namespace Sluice.Cli.Input;

/// <summary>
/// Decompresses gzip, one member or several, and reports data that ends early. <see cref="GZipStream"/> alone takes a cut-off file for a whole one.
/// </summary>
/// <remarks>
/// The compressed bytes are followed by one more member, made here, with known contents. After whole members it decompresses to exactly those
/// contents; after a cut-off one its bytes are taken for the missing rest and do not. Since the inflater asks for more input only when it has no
/// output left, whatever it yields after the end of the real bytes comes from the appended member, and none of it is passed on.
/// </remarks>
internal sealed class GzipStream : ReadOnlyStream
{
    private static readonly byte[] Seal = "the compressed bytes ended where they should"u8.ToArray();
    private static readonly byte[] SealMember = Compress(Seal);

    private readonly SealedSource _source;
    private readonly GZipStream _inflater;
    private bool _ended;

    public GzipStream(Stream compressed)
    {
        _source = new SealedSource(compressed);
        _inflater = new GZipStream(_source, CompressionMode.Decompress, leaveOpen: true);
    }

    /// <exception cref="UnreadableInputException">The data is damaged, ends early, or is followed by something else.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_ended || buffer.IsEmpty)
            return 0;
        int read = await InflateAsync(buffer, cancellationToken).ConfigureAwait(false);
        if (!_source.Ended)
            return read > 0 ? read : throw new UnreadableInputException("something else follows the gzip data");
        await CheckSealAsync(buffer[..read], cancellationToken).ConfigureAwait(false);
        _ended = true;
        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inflater.Dispose();
            _source.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask CheckSealAsync(ReadOnlyMemory<byte> first, CancellationToken cancellation)
    {
        byte[] found = new byte[Seal.Length + 1];
        int length = Math.Min(first.Length, found.Length);
        first.Span[..length].CopyTo(found);
        int read = length;
        while (read > 0 && length < found.Length)
        {
            read = await InflateAsync(found.AsMemory(length), cancellation).ConfigureAwait(false);
            length += read;
        }

        if (!found.AsSpan(0, length).SequenceEqual(Seal))
            throw new UnreadableInputException("the gzip data ends early");
    }

    private async ValueTask<int> InflateAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            return await _inflater.ReadAsync(buffer, cancellation).ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            // The runtime's own message speaks of archives and compression methods.
            throw new UnreadableInputException(_source.Ended ? "the gzip data ends early" : "the gzip data is damaged", e);
        }
    }

    private static byte[] Compress(byte[] contents)
    {
        using MemoryStream member = new();
        using (GZipStream deflater = new(member, CompressionLevel.Optimal, leaveOpen: true))
            deflater.Write(contents);
        return member.ToArray();
    }

    private sealed class SealedSource(Stream compressed) : ReadOnlyStream
    {
        private int _sealGiven = -1;

        public bool Ended => _sealGiven >= 0;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!Ended)
            {
                int read = await compressed.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (read > 0 || buffer.IsEmpty)
                    return read;
                _sealGiven = 0;
            }

            int count = Math.Min(buffer.Length, SealMember.Length - _sealGiven);
            SealMember.AsSpan(_sealGiven, count).CopyTo(buffer.Span);
            _sealGiven += count;
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                compressed.Dispose();
            base.Dispose(disposing);
        }
    }
}
