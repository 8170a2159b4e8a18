using Sluice.Resp;
using Sluice.Resp.Tests.Protocol;

namespace Sluice.Fuzz.Targets;

/// <summary>
/// <see cref="FrameScanner"/>: the same verdict however the stream is cut and wherever it lies, the one that the naive reader gives; no exception but
/// <see cref="RespProtocolException"/>; nothing allocated without a fault; work in proportion to the bytes.
/// </summary>
internal sealed class ScannerTarget(string name, RespLimits limits) : FuzzTarget
{
    // Measured over the vectors: not above 20 a byte. What would grow with the square is above this after some hundred bytes.
    private const int MostWorkPerByte = 60;
    private const int MostWorkPerCall = 400;

    private readonly Cuts _cuts = new();
    private readonly SegmentChain _chain = new();
    private readonly GuardedMemory _memory = new();
    private readonly ScanRun _whole = new("In one piece");
    private readonly ScanRun _pieces = new("In pieces");
    private readonly ScanRun _bytes = new("Byte by byte");
    private readonly ScanRun _segments = new("In segments");
    private readonly ScanRun _tinySegments = new("In segments of one byte");

    /// <summary>Limits that small inputs reach.</summary>
    public static RespLimits Tight { get; } = new() { MaxLineBytes = 64, MaxBulkBytes = 20, MaxElements = 12, MaxDepth = 4, MaxFrameBytes = 120 };

    /// <summary>The limit of a frame before all others, and more levels than the scanner holds in itself.</summary>
    public static RespLimits ShortFrames { get; } = new() { MaxLineBytes = 250, MaxBulkBytes = 250, MaxElements = 100, MaxDepth = 100, MaxFrameBytes = 200 };

    public override string Name => name;

    public override void Run(ReadOnlySpan<byte> input, bool thorough)
    {
        _cuts.Begin(input);
        long work = Work?.Invoke() ?? 0;
        _whole.OverSpans(input, [input.Length], limits, _memory);
        DemandWork(work, input.Length, 1);
        DemandMemory(input);

        ReadOnlySpan<int> arrivals = _cuts.Some(input.Length);
        work = Work?.Invoke() ?? 0;
        _pieces.OverSpans(input, arrivals, limits, _memory);
        DemandWork(work, input.Length, arrivals.Length);
        _whole.DemandSame(_pieces);

        if (input.Length > 0)
            RunOverSegments(input);
        if (thorough)
            RunByteByByte(input);
        DemandAsNaive(input);
    }

    private void RunOverSegments(ReadOnlySpan<byte> input)
    {
        _chain.Lay(input, _cuts.Some(input.Length));
        ReadOnlySpan<int> arrivals = _cuts.Some(input.Length);
        long work = Work?.Invoke() ?? 0;
        _segments.OverSegments(input.Length, arrivals, limits, _chain);
        DemandWork(work, input.Length, arrivals.Length);
        _whole.DemandSame(_segments);
    }

    private void RunByteByByte(ReadOnlySpan<byte> input)
    {
        if (input.Length == 0)
            return;
        ReadOnlySpan<int> everywhere = _cuts.Everywhere(input.Length);
        long work = Work?.Invoke() ?? 0;
        _bytes.OverSpans(input, everywhere, limits, _memory);
        DemandWork(work, input.Length, input.Length);
        _whole.DemandSame(_bytes);

        _chain.Lay(input, everywhere[..^1]);
        _tinySegments.OverSegments(input.Length, [input.Length], limits, _chain);
        _whole.DemandSame(_tinySegments);
        _tinySegments.OverSegments(input.Length, everywhere, limits, _chain);
        _whole.DemandSame(_tinySegments);
    }

    private void DemandAsNaive(ReadOnlySpan<byte> input)
    {
        Outcome naive = NaiveReader.ReadAll(input.ToArray(), limits);
        if (naive.Rejected != _whole.IsRejected)
            throw new OracleException(naive.Rejected ? "Accepts what the naive reader refuses" : "Refuses what the naive reader accepts", $"fault at {_whole.Fault}; naive {naive}");
        if (naive.Consumed != _whole.Consumed || naive.Values.Count != _whole.Frames.Count)
            throw new OracleException("Other frames than the naive reader's", $"{_whole.Frames.Count} of {_whole.Consumed} bytes; naive {naive}");
    }

    private void DemandMemory(ReadOnlySpan<byte> input)
    {
        // Only for levels beyond those that it holds in itself.
        int most = limits.MaxDepth <= RespLimits.Default.MaxDepth ? 0 : 512 + (16 * input.Length);
        if (_whole.IsRejected || _whole.Allocated <= most)
            return;

        // When code runs for the first time the runtime may allocate for itself.
        _whole.OverSpans(input, [input.Length], limits, _memory);
        OracleException.Demand(_whole.Allocated <= most, "The scanner allocates");
    }

    private void DemandWork(long before, int length, int calls)
    {
        if (Work is not null && Work() - before > ((long)length * MostWorkPerByte) + ((long)calls * MostWorkPerCall))
            throw new OracleException("The scanner works more than in proportion", $"{Work() - before} blocks for {length} bytes in {calls} calls");
    }
}
