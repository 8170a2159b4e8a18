using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>The fast paths read without bounds checks: nothing may be touched behind the bytes that arrived.</summary>
public sealed class OverReadTests
{
    [Fact]
    public void Nothing_behind_the_bytes_is_touched()
    {
        Assert.SkipUnless(GuardPage.Unavailable is null, GuardPage.Unavailable ?? "");
        using GuardPage page = new(1);
        IEnumerable<string> vectors = ResearchVectorTests.Vectors.Concat(GrammarVectorTests.Inside).Select(row => row.Data.Item1)
            .Concat(GrammarVectorTests.Outside.Select(row => row.Data));
        int scanned = 0;
        foreach (string vector in vectors)
        {
            byte[] bytes = Chunkings.Bytes(vector);
            for (int length = 0; length <= bytes.Length; length++)
                scanned += ScanAndRead(page.AtTheEnd(bytes.AsSpan(0, length))) ? 1 : 0;
        }

        Assert.True(scanned > 100);
    }

    private static bool ScanAndRead(ReadOnlySpan<byte> bytes)
    {
        FrameScanner scanner = new(RespLimits.Default);
        try
        {
            if (!scanner.TryScan(bytes, out Frame frame))
                return false;

            // The end of the frame is the end of what the reader gets; here it is also the end of the memory.
            if (frame.Length != bytes.Length)
                return false;
        }
        catch (RespProtocolException)
        {
            return false;
        }

        RespReader reader = new(bytes);
        RespValue.Read(ref reader);
        return true;
    }
}
