namespace Sluice.Resp.Tests.Protocol;

/// <summary>One vector in all the surroundings in which a frame can arrive.</summary>
internal static class VectorRun
{
    public static void Assert(string vector, string outcome, RespLimits? limits = null)
    {
        limits ??= RespLimits.Default;
        byte[] bytes = Chunkings.Bytes(vector);
        Outcome alone = Chunkings.AssertSame(bytes, limits);
        Xunit.Assert.Equal(outcome, Describe(alone, bytes.Length));
        if (alone.Rejected || alone.Consumed < bytes.Length)
            return;

        // Behind complete frames: bytes that begin no frame are neither read nor believed to belong to it.
        Outcome guarded = Chunkings.AssertSame([.. bytes, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], limits);
        Xunit.Assert.Equal(alone.Values, guarded.Values);
        Xunit.Assert.True(guarded.Rejected);

        // Twice in one segment, and with another reply between.
        Outcome twice = Chunkings.AssertSame([.. bytes, .. bytes], limits);
        Xunit.Assert.Equal([.. alone.Values, .. alone.Values], twice.Values);
        Outcome mixed = Chunkings.AssertSame([.. "+QUEUED\r\n"u8, .. bytes, .. ":17\r\n"u8], limits);
        Xunit.Assert.Equal(["+'QUEUED'", .. alone.Values, "17"], mixed.Values);
    }

    /// <summary>A stream too long for every cut: in pieces of one size.</summary>
    public static string InPieces(byte[] bytes, int piece, out long faultOffset)
    {
        int[] ends = [.. Enumerable.Range(1, (bytes.Length + piece - 1) / piece).Select(i => Math.Min(i * piece, bytes.Length))];
        Outcome spans = ProductReader.ReadAll(bytes, RespLimits.Default, ends, [], out faultOffset);
        Outcome naive = NaiveReader.ReadAll(bytes, RespLimits.Default);
        Xunit.Assert.Equal(naive.Rejected, spans.Rejected);
        Xunit.Assert.Equal(naive.Values, spans.Values);
        return Describe(spans, bytes.Length);
    }

    private static string Describe(Outcome outcome, int length)
    {
        string end = outcome.Rejected ? "kill" : outcome.Consumed < length ? "wait" : "";
        return string.Join(" ; ", end.Length == 0 ? outcome.Values : [.. outcome.Values, end]);
    }
}
