using System.Buffers;
using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>Behind the handshake of the client: the third version of the protocol, for only there come invalidations, and the tracking itself.</summary>
/// <remarks>The link's thread. A server that knows neither is no failure: the connection is good, and not tracked.</remarks>
internal sealed class TrackingHandshake : LinkHandshake
{
    private readonly LinkHandshake _inner;
    private readonly byte[] _frames;
    private readonly HandshakeReply _onReply;

    public TrackingHandshake(LinkHandshake inner, RespTrackingOptions options)
    {
        _inner = inner;
        _onReply = OnReply;
        ArrayBufferWriter<byte> frames = new();
        Format(frames, ["HELLO", "3"]);
        List<string> words = ["CLIENT", "TRACKING", "ON"];
        if (options.Mode == RespTrackingMode.Broadcast)
            words.Add("BCAST");
        foreach (string prefix in options.Prefixes)
            words.AddRange(["PREFIX", prefix]);
        if (options.NoLoop)
            words.Add("NOLOOP");
        Format(frames, words);
        _frames = frames.WrittenSpan.ToArray();
    }

    /// <summary>Why the last connection is not tracked; null = it is.</summary>
    public RespServerException? Refusal { get; private set; }

    /// <inheritdoc/>
    public override void Perform(RespConnection connection)
    {
        _inner.Perform(connection);
        Refusal = null;
        connection.Exchange(_frames, 2, _onReply);
        // What passes is worth another connection; what does not is worth one that reads without keeping.
        if (Refusal is { IsTransient: true })
            throw Refusal;
    }

    private static void Format(ArrayBufferWriter<byte> frames, IEnumerable<string> words)
    {
        using RespCommandWriter command = new(stackalloc byte[128]);
        foreach (string word in words)
            command.Write(word);
        frames.Write(command.Complete());
    }

    private void OnReply(int index, ref RespReader reply) => Refusal ??= reply.ToException();
}
