using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Sluice.Resp;

/// <summary>
/// Formats one command, argument by argument, into memory of the caller; it grows into a pooled array when that is too small. What comes out has exactly the size
/// of the command. Does not allocate.
/// </summary>
/// <remarks>
/// <code>
/// using RespCommandWriter writer = new(stackalloc byte[256]);
/// writer.Write("HINCRBY"u8);
/// writer.Write(key);
/// writer.Write(field);
/// writer.Write(1L);
/// ReadOnlySpan&lt;byte&gt; frame = writer.Complete();
/// </code>
/// One thread. Nothing is sent before <see cref="Complete"/> returned, so that an exception on the way has no effect.
/// </remarks>
public ref struct RespCommandWriter
{
    // Room for the longest header, "*2147483647\r\n": the number of arguments is known last and goes in front of them.
    private const int HeaderRoom = 13;

    // '$', up to ten digits, line break; and the line break behind the argument.
    private const int ArgumentRoom = 15;

    private const int LongestNumber = 32;

    // A lone surrogate has no bytes in UTF-8; replaced silently, two different keys would become one.
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private Span<byte> _buffer;
    private byte[]? _rented;
    private int _start;
    private int _end;
    private int _count;
    private int _expected;
    private int _argument;

    /// <summary>Begins a command.</summary>
    /// <param name="scratch">Where it is formatted as long as it fits; may be empty.</param>
    public RespCommandWriter(Span<byte> scratch)
    {
        _buffer = scratch;
        _start = _end = HeaderRoom;
        _expected = -1;
    }

    /// <summary>Begins a command whose name and number of arguments were formatted beforehand.</summary>
    /// <param name="scratch">Where it is formatted as long as it fits; may be empty.</param>
    /// <param name="prefix">The command.</param>
    public RespCommandWriter(Span<byte> scratch, RespCommandPrefix prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        _buffer = scratch;
        _expected = prefix.ArgumentCount;
        Reserve(prefix.Bytes.Length);
        prefix.Bytes.CopyTo(_buffer);
        _end = prefix.Bytes.Length;
    }

    /// <summary>How many arguments were written; the command's name counts unless it came as a prefix.</summary>
    public readonly int ArgumentCount => _count;

    /// <summary>The bytes of the argument that was written last; only after one was written, and until the next.</summary>
    internal readonly ReadOnlySpan<byte> LastArgument => _buffer[_argument..(_end - 2)];

    /// <summary>Writes bytes as they are.</summary>
    public void Write(scoped ReadOnlySpan<byte> argument)
    {
        BeginArgument(argument.Length);
        argument.CopyTo(_buffer[_end..]);
        EndArgument(argument.Length);
    }

    /// <summary>Writes text in UTF-8.</summary>
    /// <exception cref="EncoderFallbackException">Half a surrogate pair: not text.</exception>
    public void Write(scoped ReadOnlySpan<char> argument)
    {
        int length = Utf8.GetByteCount(argument);
        BeginArgument(length);
        Utf8.GetBytes(argument, _buffer[_end..]);
        EndArgument(length);
    }

    /// <summary>Writes text in UTF-8.</summary>
    /// <exception cref="EncoderFallbackException">Half a surrogate pair: not text.</exception>
    public void Write(string argument)
    {
        ArgumentNullException.ThrowIfNull(argument);
        Write(argument.AsSpan());
    }

    /// <summary>Writes a number in decimal digits.</summary>
    public void Write(long argument)
    {
        Span<byte> digits = stackalloc byte[LongestNumber];
        Utf8Formatter.TryFormat(argument, digits, out int length);
        Write(digits[..length]);
    }

    /// <summary>Writes a number in decimal digits.</summary>
    public void Write(ulong argument)
    {
        Span<byte> digits = stackalloc byte[LongestNumber];
        Utf8Formatter.TryFormat(argument, digits, out int length);
        Write(digits[..length]);
    }

    /// <summary>Writes a number so that the same bits come out when it is read: <c>0.1</c>, <c>1E+300</c>, <c>inf</c>, <c>-inf</c>, <c>nan</c>.</summary>
    public void Write(double argument)
    {
        if (double.IsFinite(argument))
        {
            Span<byte> digits = stackalloc byte[LongestNumber];
            bool fits = argument.TryFormat(digits, out int length, default, CultureInfo.InvariantCulture);
            Debug.Assert(fits, "The shortest form of a double that reads back has at most 24 characters.");
            Write(digits[..length]);
            return;
        }

        Write(double.IsNaN(argument) ? "nan"u8 : argument > 0 ? "inf"u8 : "-inf"u8);
    }

    /// <summary>Writes arguments that were formatted beforehand.</summary>
    /// <param name="arguments">Each with its header and line breaks.</param>
    /// <param name="count">How many.</param>
    internal void WriteFormatted(scoped ReadOnlySpan<byte> arguments, int count)
    {
        Reserve(arguments.Length);
        arguments.CopyTo(_buffer[_end..]);
        _end += arguments.Length;
        _count += count;
    }

    /// <summary>Ends the command.</summary>
    /// <returns>The whole command, valid until the writer is disposed or reset.</returns>
    /// <exception cref="InvalidOperationException">No argument was written, or not as many as the prefix announces.</exception>
    public ReadOnlySpan<byte> Complete()
    {
        if (_expected >= 0)
        {
            if (_count != _expected)
                throw new InvalidOperationException($"The command was announced with {_expected} arguments, but {_count} were written.");
        }
        else
        {
            WriteHeader();
        }

        return _buffer[_start.._end];
    }

    /// <summary>Begins another command in the same memory.</summary>
    public void Reset()
    {
        _start = _end = HeaderRoom;
        _count = 0;
        _expected = -1;
    }

    /// <summary>Gives pooled memory back. What <see cref="Complete"/> returned is invalid then.</summary>
    public void Dispose()
    {
        if (_rented is not null)
            ArrayPool<byte>.Shared.Return(_rented);
        this = default;
    }

    /// <summary>The number of decimal digits.</summary>
    private static int Digits(int value)
    {
        int digits = 1;
        for (; value >= 10; value /= 10)
            digits++;
        return digits;
    }

    // Backwards from behind the last digit.
    private static void WriteDigits(Span<byte> behind, int value)
    {
        for (int at = behind.Length - 1; at >= 0; at--)
        {
            behind[at] = (byte)('0' + (value % 10));
            value /= 10;
        }
    }

    private void WriteHeader()
    {
        if (_count == 0)
            throw new InvalidOperationException("A command has at least a name.");
        int digits = Digits(_count);
        _start = HeaderRoom - digits - 3;
        _buffer[_start] = (byte)'*';
        WriteDigits(_buffer.Slice(_start + 1, digits), _count);
        _buffer[HeaderRoom - 2] = (byte)'\r';
        _buffer[HeaderRoom - 1] = (byte)'\n';
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void BeginArgument(int length)
    {
        Reserve(length + ArgumentRoom);
        int digits = Digits(length);
        Span<byte> header = _buffer.Slice(_end, digits + 3);
        header[0] = (byte)'$';
        WriteDigits(header.Slice(1, digits), length);
        header[^2] = (byte)'\r';
        header[^1] = (byte)'\n';
        _end += header.Length;
        _argument = _end;
    }

    private void EndArgument(int length)
    {
        _end += length;
        _buffer[_end] = (byte)'\r';
        _buffer[_end + 1] = (byte)'\n';
        _end += 2;
        _count++;
    }

    private void Reserve(int more)
    {
        if (more > _buffer.Length - _end || more < 0)
            Grow(more);
    }

    private void Grow(int more)
    {
        int wanted = checked(_end + (more < 0 ? int.MaxValue : more));
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(wanted, (int)Math.Min(2L * _buffer.Length, Array.MaxLength)));
        _buffer[..Math.Min(_end, _buffer.Length)].CopyTo(larger);
        if (_rented is not null)
            ArrayPool<byte>.Shared.Return(_rented);
        _buffer = _rented = larger;
    }
}
