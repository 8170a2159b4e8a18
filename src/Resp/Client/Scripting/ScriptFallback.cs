using System.Buffers;
using System.Buffers.Text;
using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>The same call with the source in the hash's place.</summary>
internal sealed class ScriptFallback(Script script) : ReplyFallback
{
    /// <inheritdoc/>
    /// <remarks>The server's own texts and no more: a script that ran, and says something similar, must not run twice.</remarks>
    public override bool Answers(RespServerException error) => IsUnknownScript(error);

    /// <summary>The server has not run anything, because it does not know the hash.</summary>
    public static bool IsUnknownScript(RespServerException error) =>
        error.Text is "NOSCRIPT No matching script. Please use EVAL." or "NOSCRIPT No matching script." or "NOSCRIPT No matching script";

    /// <inheritdoc/>
    public override void Rewrite(ReadOnlySpan<byte> sent, IBufferWriter<byte> destination)
    {
        // *n CRLF, then two arguments that are replaced: EVALSHA and the hash. The count stays, and so does what follows.
        int header = sent.IndexOf((byte)'\n') + 1;
        ReadOnlySpan<byte> replaced = "$7\r\nEVALSHA\r\n$40\r\n"u8;
        int rest = header + replaced.Length + 42;
        destination.Write(sent[..header]);
        destination.Write("$4\r\nEVAL\r\n$"u8);
        Span<byte> digits = stackalloc byte[16];
        Utf8Formatter.TryFormat(script.SourceBytes.Length, digits, out int length);
        destination.Write(digits[..length]);
        destination.Write("\r\n"u8);
        destination.Write(script.SourceBytes);
        destination.Write("\r\n"u8);
        destination.Write(sent[rest..]);
    }
}
