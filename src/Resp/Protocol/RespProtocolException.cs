using System.Text;

namespace Sluice.Resp;

/// <summary>
/// The server sent bytes that are not RESP, or more than <see cref="RespLimits"/> allows. Nothing that follows on that connection can be
/// trusted: it ends, and everything that waits on it fails.
/// </summary>
public sealed class RespProtocolException : RespException
{
    /// <summary>Most bytes that are shown.</summary>
    internal const int ShownBytes = 64;

    /// <summary>Use the constructor with an offset.</summary>
    public RespProtocolException()
    {
    }

    /// <summary>Says what is wrong.</summary>
    public RespProtocolException(string message)
        : base(message)
    {
    }

    /// <summary>Says what is wrong.</summary>
    public RespProtocolException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Says what is wrong and where.</summary>
    /// <param name="fault">What is wrong, without offset and bytes.</param>
    /// <param name="offset">Position in the stream, from 0.</param>
    /// <param name="bytes">What surrounds the fault.</param>
    internal RespProtocolException(string fault, long offset, ReadOnlySpan<byte> bytes)
        : base($"{fault} (at byte {offset} of the stream, in \"{Escape(bytes)}\")")
    {
        Offset = offset;
        Bytes = bytes.ToArray();
    }

    /// <summary>Position of the fault in what the connection received, in bytes from 0: the offending byte, or the first byte of the value that breaks a limit.</summary>
    public long Offset { get; }

    /// <summary>At most 64 bytes around the fault, as far as they had arrived.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    private static string Escape(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new(bytes.Length * 2);
        foreach (byte b in bytes)
        {
            _ = b switch
            {
                (byte)'\r' => text.Append("\\r"),
                (byte)'\n' => text.Append("\\n"),
                (byte)'\t' => text.Append("\\t"),
                (byte)'"' => text.Append("\\\""),
                (byte)'\\' => text.Append("\\\\"),
                >= 0x20 and < 0x7F => text.Append((char)b),
                _ => text.Append("\\x").Append(b.ToString("x2")),
            };
        }

        return text.ToString();
    }
}
