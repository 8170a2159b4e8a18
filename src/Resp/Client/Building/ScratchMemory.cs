namespace Sluice.Resp.Client;

/// <summary>Memory of the thread for the command that it is writing: taken and given back, so that a command written while another one is has its own.</summary>
/// <remarks>What is never given back (an exception between two arguments) is the collector's; the next command makes a new one.</remarks>
internal static class ScratchMemory
{
    // Larger commands grow into pooled memory.
    private const int Bytes = 4096;

    [ThreadStatic]
    private static byte[]? spare;

    public static byte[] Take()
    {
        byte[]? scratch = spare;
        if (scratch is null)
            return GC.AllocateUninitializedArray<byte>(Bytes);
        spare = null;
        return scratch;
    }

    public static void GiveBack(byte[] scratch) => spare = scratch;
}
