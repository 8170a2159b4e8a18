using System.Buffers;
using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>The library first, then the same call.</summary>
internal sealed class FunctionFallback(FunctionLibrary library) : ReplyFallback
{
    /// <inheritdoc/>
    public override int PrecedingReplies => 1;

    /// <inheritdoc/>
    /// <remarks>The server's own text and no more: a function that ran, and says something similar, must not run twice.</remarks>
    public override bool Answers(RespServerException error) => error.Text == "ERR Function not found";

    /// <inheritdoc/>
    public override void Rewrite(ReadOnlySpan<byte> sent, IBufferWriter<byte> destination)
    {
        // Without REPLACE: when somebody else was first there is an error, and the function.
        RespCommandWriter load = new(stackalloc byte[256]);
        load.Write("FUNCTION"u8);
        load.Write("LOAD"u8);
        load.Write(library.CodeBytes);
        destination.Write(load.Complete());
        load.Dispose();
        destination.Write(sent);
    }
}
