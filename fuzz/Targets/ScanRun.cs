using System.Buffers;
using Sluice.Resp;

namespace Sluice.Fuzz.Targets;

/// <summary>What the scanner makes of a stream that arrives in pieces.</summary>
internal sealed class ScanRun(string way)
{
    private const long NoFault = -1;
    private readonly List<Frame> _frames = new(64);

    public string Way => way;

    public IReadOnlyList<Frame> Frames => _frames;

    /// <summary>Bytes of the complete frames.</summary>
    public int Consumed { get; private set; }

    public bool IsRejected => Fault != NoFault;

    /// <summary>Where the scanner put the fault.</summary>
    public long Fault { get; private set; }

    /// <summary>Bytes that the scanner allocated while it found no fault.</summary>
    public long Allocated { get; private set; }

    /// <summary>Feeds ever longer beginnings, as a connection does, each with memory that can't be touched right behind it.</summary>
    public void OverSpans(ReadOnlySpan<byte> stream, ReadOnlySpan<int> arrivals, RespLimits limits, GuardedMemory memory)
    {
        FrameScanner scanner = Begin(limits);
        try
        {
            foreach (int arrived in arrivals)
            {
                ReadOnlySpan<byte> unconsumed = memory.AtTheEnd(stream[Consumed..arrived]);
                while (unconsumed.Length > 0)
                {
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    bool complete = scanner.TryScan(unconsumed, out Frame frame);
                    Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
                    if (!complete)
                        break;
                    Add(frame, unconsumed.Length, scanner.StreamOffset);
                    unconsumed = unconsumed[(int)frame.Length..];
                }
            }
        }
        catch (RespProtocolException fault)
        {
            Add(fault, stream.Length);
        }
    }

    /// <summary>The same over a chain of segments that holds the stream.</summary>
    public void OverSegments(int length, ReadOnlySpan<int> arrivals, RespLimits limits, SegmentChain chain)
    {
        FrameScanner scanner = Begin(limits);
        try
        {
            foreach (int arrived in arrivals)
            {
                while (Consumed < arrived)
                {
                    ReadOnlySequence<byte> unconsumed = chain.Slice(Consumed, arrived);
                    if (!scanner.TryScan(unconsumed, out Frame frame))
                        break;
                    Add(frame, arrived - Consumed, scanner.StreamOffset);
                }
            }
        }
        catch (RespProtocolException fault)
        {
            Add(fault, length);
        }
    }

    /// <summary>However a stream is cut, it means the same.</summary>
    public void DemandSame(ScanRun other)
    {
        if (Fault != other.Fault)
            throw new OracleException($"{other.Way} gives another fault", $"at {other.Fault} instead of {Fault}");
        if (Consumed != other.Consumed || _frames.Count != other._frames.Count)
            throw new OracleException($"{other.Way} gives other frames", $"{other._frames.Count} of {other.Consumed} bytes instead of {_frames.Count} of {Consumed}");
        for (int i = 0; i < _frames.Count; i++)
        {
            Frame a = _frames[i];
            Frame b = other._frames[i];
            if (a.Length != b.Length || a.AttributeBytes != b.AttributeBytes || a.Prefix != b.Prefix || a.HasNestedPush != b.HasNestedPush)
                throw new OracleException($"{other.Way} gives another frame", $"number {i}");
        }
    }

    private FrameScanner Begin(RespLimits limits)
    {
        _frames.Clear();
        Consumed = 0;
        Fault = NoFault;
        Allocated = 0;
        return new FrameScanner(limits);
    }

    private void Add(in Frame frame, int available, long streamOffset)
    {
        OracleException.Demand(frame.Length > 0 && frame.Length <= available, "A frame longer than what has arrived");
        OracleException.Demand(frame.AttributeBytes >= 0 && frame.AttributeBytes < frame.Length, "Attributes longer than their frame");
        OracleException.Demand(frame.Prefix is not (RespPrefix.None or RespPrefix.Attribute), "A frame without a value");
        _frames.Add(frame);
        Consumed += (int)frame.Length;
        OracleException.Demand(streamOffset == Consumed, "The scanner lost its place in the stream");
    }

    private void Add(RespProtocolException fault, int length)
    {
        OracleException.Demand(fault.Offset >= Consumed && fault.Offset <= length, "A fault outside its frame");
        OracleException.Demand(fault.Bytes.Length <= 64 && fault.Message.Length < 1000, "A fault that shows too much");
        Fault = fault.Offset;
    }
}
