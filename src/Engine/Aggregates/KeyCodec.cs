using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Sluice.Aggregates;

/// <summary>
/// How a key becomes the bytes that name the resource, and back. The bytes are UTF-8 text, so that people can read them in tools; two different
/// keys must give different bytes.
/// </summary>
/// <typeparam name="TKey">The key.</typeparam>
/// <remarks>Implementations are stateless and safe on any thread.</remarks>
public abstract class KeyCodec<TKey>
    where TKey : notnull
{
    /// <summary>Writes the key's bytes; allocates nothing.</summary>
    /// <param name="key">The key.</param>
    /// <param name="destination">At least <see cref="KeyCodec.MaxBytes"/> long.</param>
    /// <returns>How many bytes were written, 1 to <see cref="KeyCodec.MaxBytes"/>.</returns>
    /// <exception cref="ArgumentException">The key is empty, too long, or has no faithful UTF-8 form.</exception>
    public abstract int Encode(TKey key, Span<byte> destination);

    /// <summary>Reads what <see cref="Encode"/> wrote.</summary>
    /// <param name="bytes">The bytes.</param>
    public abstract TKey Decode(ReadOnlySpan<byte> bytes);

    /// <summary>The comparer of the merge cache's table. With the default one, strings, integers and guids get a hash that is seeded per process, against flooding.</summary>
    public virtual IEqualityComparer<TKey> Comparer => EqualityComparer<TKey>.Default;
}

/// <summary>The codecs for the key types that need no code of yours.</summary>
public static class KeyCodec
{
    /// <summary>The longest key, in UTF-8 bytes.</summary>
    public const int MaxBytes = 512;

    /// <summary>Strings: 1 to 512 bytes of UTF-8 without unpaired surrogates (two strings would become one resource).</summary>
    public static KeyCodec<string> String { get; } = new StringCodec();

    /// <summary>64-bit integers, in decimal.</summary>
    public static KeyCodec<long> Int64 { get; } = new Int64Codec();

    /// <summary>32-bit integers, in decimal.</summary>
    public static KeyCodec<int> Int32 { get; } = new Int32Codec();

    /// <summary>Guids, as 32 hexadecimal digits.</summary>
    public static KeyCodec<Guid> Guid { get; } = new GuidCodec();

    private sealed class StringCodec : KeyCodec<string>
    {
        private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

        public override int Encode(string key, Span<byte> destination)
        {
            ArgumentNullException.ThrowIfNull(key);
            if (key.Length == 0)
                throw new ArgumentException("A key must have at least one character.", nameof(key));
            try
            {
                if (key.Length <= MaxBytes && Strict.TryGetBytes(key, destination[..MaxBytes], out int written))
                    return written;
            }
            catch (EncoderFallbackException e)
            {
                throw new ArgumentException("A key must not contain unpaired surrogates: two different strings would name one resource.", nameof(key), e);
            }

            throw new ArgumentException($"A key must have at most {MaxBytes} bytes of UTF-8; this one has {Encoding.UTF8.GetByteCount(key)}.", nameof(key));
        }

        public override string Decode(ReadOnlySpan<byte> bytes) => Strict.GetString(bytes);
    }

    private sealed class Int64Codec : KeyCodec<long>
    {
        public override int Encode(long key, Span<byte> destination)
        {
            Utf8Formatter.TryFormat(key, destination, out int written);
            return written;
        }

        public override long Decode(ReadOnlySpan<byte> bytes) => long.Parse(bytes, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
    }

    private sealed class Int32Codec : KeyCodec<int>
    {
        public override int Encode(int key, Span<byte> destination)
        {
            Utf8Formatter.TryFormat(key, destination, out int written);
            return written;
        }

        public override int Decode(ReadOnlySpan<byte> bytes) => int.Parse(bytes, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
    }

    private sealed class GuidCodec : KeyCodec<Guid>
    {
        public override int Encode(Guid key, Span<byte> destination)
        {
            Utf8Formatter.TryFormat(key, destination, out int written, 'N');
            return written;
        }

        public override Guid Decode(ReadOnlySpan<byte> bytes) => System.Guid.ParseExact(Encoding.ASCII.GetString(bytes), "N");
    }
}
