namespace Sluice.Resp;

/// <summary>Guesses who is at the other end when its bytes are not RESP.</summary>
internal static class StrangeBytes
{
    /// <summary>What these bytes look like.</summary>
    /// <param name="bytes">From the first byte that is no type on; at least one.</param>
    /// <param name="betweenFrames">Nothing of a frame was read yet.</param>
    public static string Describe(ReadOnlySpan<byte> bytes, bool betweenFrames)
    {
        const string NotRedis = "This is not RESP";
        if (!betweenFrames)
            return "Not the first byte of a value";
        return bytes[0] switch
        {
            (byte)'H' when Begins(bytes, "HTTP/"u8) => $"{NotRedis}: it looks like HTTP. Is the port that of a web server or a proxy?",
            0x15 when Begins(bytes, [0x15, 0x03]) => $"{NotRedis}: it looks like a TLS alert. The server wants TLS, use rediss:// or the TLS options",
            0x16 when Begins(bytes, [0x16, 0x03]) => $"{NotRedis}: it looks like a TLS handshake. The server wants TLS, use rediss:// or the TLS options",
            0x00 => $"{NotRedis}: it begins with NUL. Is the port that of another service?",
            (byte)'.' or (byte)';' => "A part of a streamed value where none is open",
            _ => $"{NotRedis}: no value begins with this byte",
        };
    }

    // As far as they have arrived: one byte may be all there is.
    private static bool Begins(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> with) =>
        bytes.Length < with.Length ? with.StartsWith(bytes) : bytes.StartsWith(with);
}
