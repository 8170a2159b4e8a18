namespace Sluice.Resp.Client;

/// <summary>Memory of the thread for the command that it is writing: taken and given back, so that a command written while another one is has its own.</summary>
/// <remarks>
/// What is never given back (an exception between two arguments) is the collector's; the next command makes a new one. The number of the use tells a copy of a command that the command was sent:
/// sent again, it would be somebody else's bytes.
/// </remarks>
internal sealed class ScratchMemory
{
    // Larger commands grow into pooled memory; and every thread that ever sends one has this.
    private const int Size = 512;

    [ThreadStatic]
    private static ScratchMemory? spare;

    private ScratchMemory()
    {
    }

    public byte[] Bytes { get; } = GC.AllocateUninitializedArray<byte>(Size);

    /// <summary>Changes when the memory is given back.</summary>
    public long Use { get; private set; }

    public static ScratchMemory Take()
    {
        ScratchMemory? scratch = spare;
        if (scratch is null)
            return new ScratchMemory();
        spare = null;
        return scratch;
    }

    public void GiveBack()
    {
        Use++;
        spare = this;
    }
}
