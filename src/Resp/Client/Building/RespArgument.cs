using System.Runtime.InteropServices;

namespace Sluice.Resp;

/// <summary>A key, field or value of a command: text (sent as UTF-8), bytes or a number. Whatever you have converts to it; nothing is copied or allocated.</summary>
/// <remarks>Lives on the stack and refers to the caller's memory, which is read before the call that takes it returns.</remarks>
public readonly ref struct RespArgument
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly long _number;
    private readonly Shape _shape;

    private RespArgument(ReadOnlySpan<byte> bytes, Shape shape)
    {
        _bytes = bytes;
        _shape = shape;
    }

    private RespArgument(long number, Shape shape)
    {
        _number = number;
        _shape = shape;
    }

    internal enum Shape : byte
    {
        Bytes,
        Text,
        Int64,
        Double,
    }

    /// <summary>Bytes, sent as they are.</summary>
    public static implicit operator RespArgument(ReadOnlySpan<byte> bytes) => new(bytes, Shape.Bytes);

    /// <summary>Bytes, sent as they are.</summary>
    public static implicit operator RespArgument(Span<byte> bytes) => new(bytes, Shape.Bytes);

    /// <summary>Bytes, sent as they are.</summary>
    public static implicit operator RespArgument(ReadOnlyMemory<byte> bytes) => new(bytes.Span, Shape.Bytes);

    /// <summary>Bytes, sent as they are.</summary>
    public static implicit operator RespArgument(byte[] bytes) => new(bytes ?? throw new ArgumentNullException(nameof(bytes)), Shape.Bytes);

    /// <summary>Text, sent as UTF-8.</summary>
    public static implicit operator RespArgument(ReadOnlySpan<char> text) => new(MemoryMarshal.AsBytes(text), Shape.Text);

    /// <summary>Text, sent as UTF-8.</summary>
    public static implicit operator RespArgument(string text) => new(MemoryMarshal.AsBytes((text ?? throw new ArgumentNullException(nameof(text))).AsSpan()), Shape.Text);

    /// <summary>A number, sent in decimal digits.</summary>
    public static implicit operator RespArgument(long number) => new(number, Shape.Int64);

    /// <summary>A number, sent so that the same bits come out when it is read.</summary>
    public static implicit operator RespArgument(double number) => new(BitConverter.DoubleToInt64Bits(number), Shape.Double);

    internal Shape Form => _shape;

    internal ReadOnlySpan<byte> Bytes => _bytes;

    internal ReadOnlySpan<char> Text => MemoryMarshal.Cast<byte, char>(_bytes);

    internal long Int64 => _number;

    internal double Double => BitConverter.Int64BitsToDouble(_number);
}
