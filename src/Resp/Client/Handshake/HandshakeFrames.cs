using System.Buffers;
using System.Text;

namespace Sluice.Resp.Client;

/// <summary>What a frame of a handshake is for, which decides what an error reply means.</summary>
internal enum HandshakeStep
{
    /// <summary>HELLO, with AUTH and SETNAME.</summary>
    Hello,

    /// <summary>AUTH.</summary>
    Authenticate,

    /// <summary>SELECT.</summary>
    Select,

    /// <summary>What the connection is for.</summary>
    Extra,

    /// <summary>PING: is the server ready?</summary>
    Ping,

    /// <summary>Nice to have: names, NO-EVICT.</summary>
    Courtesy,
}

/// <summary>The frames of one handshake, in one piece of memory that is wiped afterwards: it holds the password.</summary>
internal sealed class HandshakeFrames : IDisposable
{
    // Large enough for any usual handshake: growing would leave a copy of the password behind.
    private readonly ArrayBufferWriter<byte> _bytes = new(4096);
    private readonly List<(HandshakeStep Step, HandshakeExtra? Extra)> _steps = [];

    public ReadOnlyMemory<byte> Bytes => _bytes.WrittenMemory;

    public int Count => _steps.Count;

    public (HandshakeStep Step, HandshakeExtra? Extra) this[int index] => _steps[index];

    public void Add(HandshakeStep step, params ReadOnlySpan<string> words)
    {
        // Large enough for all words: growing would leave a copy of the password in pooled memory.
        int most = 64;
        foreach (string word in words)
            most += 16 + Encoding.UTF8.GetMaxByteCount(word.Length);
        Span<byte> scratch = most <= 1024 ? stackalloc byte[1024] : new byte[most];
        using RespCommandWriter writer = new(scratch);
        foreach (string word in words)
            writer.Write(word);
        _bytes.Write(writer.Complete());
        scratch.Clear();
        _steps.Add((step, null));
    }

    public void Add(HandshakeExtra extra)
    {
        _bytes.Write(extra.Frame);
        _steps.Add((HandshakeStep.Extra, extra));
    }

    public void Dispose() => _bytes.Clear();
}
