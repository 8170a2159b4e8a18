using System.Buffers;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>Cuts bytes into a chain of segments. Each lies in an array of its own between bytes of 0xFF: who reads past its end reads nonsense.</summary>
internal static class Segments
{
    private const int Guard = 3;

    public static ReadOnlySequence<byte> Cut(ReadOnlyMemory<byte> bytes, IReadOnlyList<int> ends)
    {
        if (ends.Count == 0)
            return new ReadOnlySequence<byte>(Guarded(bytes));
        Segment first = new(default, 0);
        Segment last = first;
        int from = 0;
        foreach (int end in ends.Where(end => end < bytes.Length).Append(bytes.Length))
        {
            last = last.Append(Guarded(bytes[from..end]));
            from = end;
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private static Memory<byte> Guarded(ReadOnlyMemory<byte> bytes)
    {
        byte[] array = new byte[bytes.Length + (2 * Guard)];
        Array.Fill(array, (byte)0xFF);
        bytes.Span.CopyTo(array.AsSpan(Guard));
        return array.AsMemory(Guard, bytes.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long runningIndex)
        {
            Memory = memory;
            RunningIndex = runningIndex;
        }

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            Segment next = new(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
