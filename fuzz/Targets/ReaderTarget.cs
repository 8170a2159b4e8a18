using System.Buffers;
using Sluice.Resp;
using Sluice.Resp.Tests.Protocol;

namespace Sluice.Fuzz.Targets;

/// <summary>
/// <see cref="RespReader"/> and <see cref="RespValue"/> over every frame that the scanner accepts: one tree, whichever way it is walked and however the frame lies in
/// memory, the one that the naive reader sees; none but the documented exceptions; memory in proportion to the bytes.
/// </summary>
internal sealed class ReaderTarget : FuzzTarget
{
    // A value of four bytes ("*0\r\n") becomes objects of some 200 bytes.
    private const int MostMemoryPerByte = 128;
    private const int MostMemoryPerFrame = 4096;

    // Every level of nesting may pass over its content again, some times: streamed aggregates are counted, children skipped. Measured: up to 30 a byte and level, 140 a level in chains of empty attributes.
    private const int MostWorkPerByteAndLevel = 300;
    private const int MostWorkPerFrame = 4000;

    // Inputs are short; what costs the square of their length is done for the shortest only.
    private const int MostCutBytes = 20_000;

    // More than the levels that the scanner holds in itself.
    private static readonly RespLimits Limits = new() { MaxDepth = 40 };

    private readonly Cuts _cuts = new();
    private readonly SegmentChain _chain = new();
    private readonly GuardedMemory _memory = new();
    private readonly ScanRun _whole = new("In one piece");

    public override string Name => "reader";

    public override void Run(ReadOnlySpan<byte> input, bool thorough)
    {
        _cuts.Begin(input);
        _whole.OverSpans(input, [input.Length], Limits, _memory);
        Outcome naive = NaiveReader.ReadAll(input.ToArray(), Limits);
        if (naive.Rejected != _whole.IsRejected || naive.Values.Count != _whole.Frames.Count)
            throw new OracleException("Other frames than the naive reader's", $"{_whole.Frames.Count}, fault at {_whole.Fault}; naive {naive}");

        int at = 0;
        for (int i = 0; i < _whole.Frames.Count; i++)
        {
            Frame frame = _whole.Frames[i];
            RunFrame(input.Slice(at, (int)frame.Length), frame, naive.Values[i], thorough);
            at += (int)frame.Length;
        }
    }

    private void RunFrame(ReadOnlySpan<byte> bytes, in Frame frame, string expected, bool thorough)
    {
        long work = Work?.Invoke() ?? 0;
        RespValue whole = Read(new RespReader(_memory.AtTheEnd(bytes)), frame, expected, thorough);
        if (Work is not null && Work() - work > ((long)bytes.Length * MostWorkPerByteAndLevel * ValueWalk.Levels(whole)) + MostWorkPerFrame)
            throw new OracleException("The reader works more than in proportion", $"{Work() - work} blocks for {bytes.Length} bytes");

        _chain.Lay(bytes, _cuts.Some(bytes.Length));
        DemandSame(whole, ReadSequence(bytes.Length, frame, expected, thorough));
        if (!thorough)
            return;

        _chain.Lay(bytes, _cuts.Everywhere(bytes.Length)[..^1]);
        DemandSame(whole, ReadSequence(bytes.Length, frame, expected, thorough: true));
        for (int cut = 1; cut < Math.Min(bytes.Length, MostCutBytes / bytes.Length); cut++)
        {
            _chain.Lay(bytes, [cut]);
            DemandSame(whole, ReadSequence(bytes.Length, frame, expected, thorough: false));
        }

        DemandSame(whole, RespValue.Parse(_chain.Slice(0, bytes.Length), Limits));
    }

    private RespValue ReadSequence(int length, in Frame frame, string expected, bool thorough)
    {
        ReadOnlySequence<byte> sequence = _chain.Slice(0, length);
        return Read(sequence.IsSingleSegment ? new RespReader(sequence.FirstSpan) : new RespReader(sequence), frame, expected, thorough);
    }

    private static RespValue Read(in RespReader reader, in Frame frame, string expected, bool thorough)
    {
        OracleException.Demand(reader.Prefix == frame.Prefix, "Scanner and reader disagree about the type");
        OracleException.Demand(reader.HasAttributes == frame.AttributeBytes > 0, "Scanner and reader disagree about attributes");

        RespReader source = reader;
        RespValue tree = ReadTree(ref source, frame.Length);
        OracleException.Demand(!source.MoveNext() && source.Prefix == RespPrefix.None, "The tree ends before its frame");

        List<string> pushes = [];
        RespReader walker = reader;
        while (walker.TryReadNestedPush(out RespReader push))
            pushes.Add(ValueWalk.Describe(push, null, thorough));
        OracleException.Demand(frame.HasNestedPush == pushes.Count > 0, "Scanner and reader disagree about pushes");

        string seen = Notation.Frame(ValueWalk.Describe(reader, tree, thorough), pushes);
        if (seen != expected)
            throw new OracleException("Another value than the naive reader's", $"{seen} instead of {expected}");
        ValueWalk.DemandFlat(reader, tree);
        return tree;
    }

    private static RespValue ReadTree(ref RespReader reader, long length)
    {
        RespReader again = reader;
        long most = (length * MostMemoryPerByte) + MostMemoryPerFrame;
        long before = GC.GetAllocatedBytesForCurrentThread();
        RespValue tree = RespValue.Read(ref reader);
        if (GC.GetAllocatedBytesForCurrentThread() - before <= most)
            return tree;

        // When code runs for the first time the runtime may allocate for itself.
        before = GC.GetAllocatedBytesForCurrentThread();
        RespValue.Read(ref again);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > most)
            throw new OracleException("A tree takes more memory than in proportion", $"{allocated} bytes for {length}");
        return tree;
    }

    private static void DemandSame(RespValue whole, RespValue cut)
    {
        OracleException.Demand(whole.Equals(cut) && cut.Equals(whole), "Another tree when it is cut");
        OracleException.Demand(whole.GetHashCode() == cut.GetHashCode(), "Equal trees with different hash codes");
        OracleException.Demand(whole.ToString() == cut.ToString(), "Equal trees with different texts");
    }
}
