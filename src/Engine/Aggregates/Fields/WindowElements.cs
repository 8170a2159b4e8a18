using System.Buffers;
using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;
using Sluice.Aggregates.Distinct;

namespace Sluice.Aggregates.Fields;

/// <summary>Which bytes stand for elements of a type.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly. Implementations are stateless.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IElementRange
{
    /// <summary>True when the bytes are the form of some element.</summary>
    /// <param name="bytes">Any bytes, for example some that came from outside.</param>
    static abstract bool IsElement(ReadOnlySpan<byte> bytes);
}

/// <summary>How the elements of a window become bytes and back, one to one.</summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <remarks>Code that generated code calls; not meant to be used directly. Implementations are stateless.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IElement<T> : IElementRange
    where T : notnull
{
    /// <summary>How many bytes the element takes.</summary>
    /// <param name="value">An element that an event accepted.</param>
    static abstract int SizeOf(T value);

    /// <summary>Writes the element.</summary>
    /// <param name="value">An element that an event accepted.</param>
    /// <param name="destination">Exactly as long as <see cref="SizeOf"/> says.</param>
    static abstract void Write(T value, Span<byte> destination);

    /// <summary>Reads an element.</summary>
    /// <param name="bytes">Bytes for which <see cref="IElementRange.IsElement"/> is true.</param>
    static abstract T Read(ReadOnlySpan<byte> bytes);

    /// <summary>Compares two elements as their bytes compare.</summary>
    /// <param name="left">An element.</param>
    /// <param name="right">Another.</param>
    static abstract int Compare(T left, T right);
}

/// <summary>Strings as UTF-8, at most <see cref="WindowAttribute.MaxElementBytes"/> bytes.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct StringElement : IKeyElement<string>
{
    // Unlike a search for a range, a search for these allocates nothing even before the JIT has optimised it.
    private static readonly SearchValues<char> Surrogates = SearchValues.Create([.. Enumerable.Range(0xD800, 0x800).Select(static c => (char)c)]);

    /// <inheritdoc/>
    public static bool IsElement(ReadOnlySpan<byte> bytes) => bytes.Length <= WindowAttribute.MaxElementBytes && Utf8.IsValid(bytes);

    /// <inheritdoc/>
    public static int SizeOf(string value) => Encoding.UTF8.GetByteCount(value);

    /// <inheritdoc/>
    public static void Write(string value, Span<byte> destination) => Encoding.UTF8.GetBytes(value, destination);

    /// <inheritdoc/>
    public static string Read(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    /// <inheritdoc/>
    public static int Compare(string left, string right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        int common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
            return left.Length.CompareTo(right.Length);

        // UTF-8 orders by code point. UTF-16 does too, except that surrogates, which stand for the highest code points, are below U+E000..U+FFFF.
        return CodePointRank(left[common]).CompareTo(CodePointRank(right[common]));
    }

    /// <inheritdoc/>
    public static ulong Hash(string value) => MurmurHash64A.HashUtf8(value);

    /// <summary>Makes a contribution one that a merge cannot refuse: a null string is none, unpaired surrogates become U+FFFD.</summary>
    /// <param name="value">The contribution.</param>
    /// <param name="property">The event's property.</param>
    /// <exception cref="ArgumentException">The string is too long.</exception>
    public static Stamped<string>? Accept(Stamped<string>? value, string property)
    {
        if (value is not { Value: { } text } stamped)
            return null;
        string accepted = Accept(text, property);
        return ReferenceEquals(accepted, text) ? value : stamped.With(accepted);
    }

    /// <inheritdoc cref="Accept(Stamped{string}?, string)"/>
    public static Scored<string>? Accept(Scored<string>? value, string property) =>
        value is { Value: { } text } scored ? new Scored<string>(Accept(text, property), scored.Score) : null;

    /// <inheritdoc cref="Accept(Stamped{string}?, string)"/>
    [return: NotNullIfNotNull(nameof(value))]
    public static string? Accept(string? value, string property)
    {
        if (value is null)
            return null;
        if (value.Length > WindowAttribute.MaxElementBytes / 3 && Encoding.UTF8.GetByteCount(value) is int bytes && bytes > WindowAttribute.MaxElementBytes)
            throw new ArgumentException($"'{property}' has {bytes} bytes of UTF-8; a text that is kept has at most {WindowAttribute.MaxElementBytes}.", property);
        return IsWellFormed(value) ? value : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(value));
    }

    private static int CodePointRank(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;

    private static bool IsWellFormed(string text)
    {
        // One vectorised search answers for nearly every string.
        int i = text.AsSpan().IndexOfAny(Surrogates);
        if (i < 0)
            return true;
        for (; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                return false;
            i++;
        }

        return true;
    }
}

/// <summary>64-bit integers as 8 bytes, little-endian.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Int64Element : IKeyElement<long>
{
    /// <inheritdoc/>
    public static bool IsElement(ReadOnlySpan<byte> bytes) => bytes.Length == sizeof(long);

    /// <inheritdoc/>
    public static int SizeOf(long value) => sizeof(long);

    /// <inheritdoc/>
    public static void Write(long value, Span<byte> destination) => BinaryPrimitives.WriteInt64LittleEndian(destination, value);

    /// <inheritdoc/>
    public static long Read(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt64LittleEndian(bytes);

    /// <inheritdoc/>
    public static int Compare(long left, long right) =>
        BinaryPrimitives.ReverseEndianness((ulong)left).CompareTo(BinaryPrimitives.ReverseEndianness((ulong)right));

    /// <inheritdoc/>
    public static ulong Hash(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        Write(value, bytes);
        return MurmurHash64A.Hash(bytes);
    }
}

/// <summary>Guids as 16 bytes in the order of their text.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct GuidElement : IKeyElement<Guid>
{
    private const int Bytes = 16;

    /// <inheritdoc/>
    public static bool IsElement(ReadOnlySpan<byte> bytes) => bytes.Length == Bytes;

    /// <inheritdoc/>
    public static int SizeOf(Guid value) => Bytes;

    /// <inheritdoc/>
    public static void Write(Guid value, Span<byte> destination) => value.TryWriteBytes(destination, bigEndian: true, out _);

    /// <inheritdoc/>
    public static Guid Read(ReadOnlySpan<byte> bytes) => new(bytes, bigEndian: true);

    /// <inheritdoc/>
    public static int Compare(Guid left, Guid right) => left.CompareTo(right);

    /// <inheritdoc/>
    public static ulong Hash(Guid value)
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        Write(value, bytes);
        return MurmurHash64A.Hash(bytes);
    }
}
