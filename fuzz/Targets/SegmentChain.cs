using System.Buffers;

namespace Sluice.Fuzz.Targets;

/// <summary>Bytes in a chain of segments that is laid anew for each input, without allocating. Between the segments lie bytes of 0xFF: who reads past one's end reads nonsense.</summary>
internal sealed class SegmentChain
{
    private const int Guard = 3;

    private readonly List<Segment> _segments = [];
    private byte[] _memory = [];
    private int[] _segmentOf = [];
    private int _used;

    /// <summary>Lays the bytes.</summary>
    /// <param name="bytes">What lies in the segments.</param>
    /// <param name="cuts">Ends of segments, ascending; the same twice makes an empty segment. The end of the bytes ends the last segment.</param>
    public void Lay(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> cuts)
    {
        int room = bytes.Length + ((cuts.Length + 2) * Guard);
        if (_memory.Length < room)
            _memory = new byte[room * 2];
        if (_segmentOf.Length < bytes.Length)
            _segmentOf = new int[bytes.Length * 2];
        _memory.AsSpan(0, room).Fill(0xFF);
        _used = 0;
        int from = 0;
        int place = Guard;
        foreach (int cut in cuts)
            Append(bytes, ref from, cut, ref place);
        Append(bytes, ref from, bytes.Length, ref place);
    }

    /// <summary>Some of the bytes.</summary>
    /// <param name="from">The first, from 0.</param>
    /// <param name="to">Behind the last; greater than from.</param>
    public ReadOnlySequence<byte> Slice(int from, int to)
    {
        Segment first = _segments[_segmentOf[from]];
        Segment last = _segments[_segmentOf[to - 1]];
        return new ReadOnlySequence<byte>(first, from - (int)first.RunningIndex, last, to - (int)last.RunningIndex);
    }

    private void Append(ReadOnlySpan<byte> bytes, ref int from, int to, ref int place)
    {
        int length = to - from;
        bytes[from..to].CopyTo(_memory.AsSpan(place));
        if (_used == _segments.Count)
            _segments.Add(new Segment());
        Segment segment = _segments[_used];
        segment.Set(_memory.AsMemory(place, length), from);
        if (_used > 0)
            _segments[_used - 1].Link(segment);
        _segmentOf.AsSpan(from, length).Fill(_used);
        _used++;
        from = to;
        place += length + Guard;
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public void Set(ReadOnlyMemory<byte> memory, long runningIndex)
        {
            Memory = memory;
            RunningIndex = runningIndex;
            Next = null;
        }

        public void Link(Segment next) => Next = next;
    }
}
