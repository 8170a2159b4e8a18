using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Fuzz.Coverage;

/// <summary>
/// What the instrumented assembly reports: every basic block calls <see cref="Hit"/>, and the way from block to block counts in a map of bytes (AFL's
/// scheme). One thread: the code under test is run by the fuzzing thread alone, so the counters need no synchronisation.
/// </summary>
public static unsafe class EdgeMap
{
    /// <summary>Bytes in the map.</summary>
    public const int Size = 1 << 16;

    private static byte* Map = (byte*)NativeMemory.AllocZeroed(Size);
    private static int Previous;
    private static long Executed;

    /// <summary>Blocks executed since the process began: work that is counted instead of timed, so that it is the same on a busy machine.</summary>
    public static long Blocks => Executed;

    /// <summary>How often each edge was taken since <see cref="Clear"/>; a counter that overflows goes on from 1.</summary>
    public static Span<byte> Counters => new(Map, Size);

    /// <summary>A block was entered.</summary>
    /// <param name="block">Its number, below <see cref="Size"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Hit(int block)
    {
        byte* counter = Map + (Previous ^ block);
        byte next = (byte)(*counter + 1);
        *counter = next == 0 ? (byte)1 : next;
        Previous = block >> 1;
        Executed++;
    }

    /// <summary>Before each execution.</summary>
    public static void Clear()
    {
        NativeMemory.Clear(Map, Size);
        BeginExecution();
    }

    /// <summary>Before each execution where somebody else clears the counters.</summary>
    internal static void BeginExecution() => Previous = 0;

    /// <summary>Counts in memory that another process reads.</summary>
    internal static void CountInto(byte* map) => Map = map;
}
