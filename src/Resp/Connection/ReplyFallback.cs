using System.Buffers;

namespace Sluice.Resp.Connection;

/// <summary>What a command does once, on the same connection, when the server refused it in a way that it knows: <c>EVALSHA</c> becomes <c>EVAL</c>.</summary>
/// <remarks>Any thread; keeps no state between calls.</remarks>
internal abstract class ReplyFallback
{
    /// <summary>True when the error is the one that the other form of the command answers.</summary>
    public abstract bool Answers(RespServerException error);

    /// <summary>Replies that come before the one of the command: those of what the other form needs first.</summary>
    public virtual int PrecedingReplies => 0;

    /// <summary>Writes the other form of the frame that was sent.</summary>
    public abstract void Rewrite(ReadOnlySpan<byte> sent, IBufferWriter<byte> destination);
}
