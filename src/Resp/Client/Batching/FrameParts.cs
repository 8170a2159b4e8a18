namespace Sluice.Resp.Client;

/// <summary>Where the values of an array lie within its frame.</summary>
internal static class FrameParts
{
    /// <param name="frame">One complete array.</param>
    /// <param name="parts">Cleared, then filled: the values without their attributes.</param>
    public static void Find(ReadOnlySpan<byte> frame, List<Range> parts)
    {
        parts.Clear();
        FrameScanner scanner = new(RespLimits.None);
        int at = frame.IndexOf((byte)'\n') + 1;
        while (at < frame.Length && scanner.TryScan(frame[at..], out Frame part))
        {
            // A push that an old server put between them is nobody's result.
            if (part.Prefix != RespPrefix.Push)
                parts.Add(new Range(at + part.AttributeBytes, at + (int)part.Length));
            at += (int)part.Length;
        }
    }
}
