using System.Buffers;
using System.Globalization;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>Each limit holds exactly, wherever it is met, and what a frame only announces costs nothing.</summary>
public sealed class LimitTests
{
    private static readonly RespLimits Small = new() { MaxLineBytes = 64, MaxBulkBytes = 10, MaxElements = 6, MaxDepth = 3, MaxFrameBytes = 100 };
    private static readonly string A64 = new('a', 64);
    private static readonly string One64 = new('1', 64);

    public static TheoryData<string, string> Vectors { get; } = new()
    {
        // Lines: their content counts, not type and line break.
        { $"+{A64}\r\n", $"+'{A64}'" },
        { $"+{A64}a\r\n", "kill" },
        { $"+{A64}a", "kill" },
        { $"+{A64}", "wait" },
        { $"+{A64}\r", "wait" },
        { $"+{A64[1..]}\n\r\n", "kill" },
        { $"({One64}\r\n", $"({One64}" },
        { $"({One64}1\r\n", "kill" },
        { $"({One64}1", "kill" },
        { $":{new string('0', 64)}\r\n", "0" },
        { $":{new string('0', 65)}\r\n", "kill" },

        // Strings; streamed ones by their sum.
        { "$10\r\n0123456789\r\n", "$'0123456789'" },
        { "$11\r\n", "kill" },
        { "$11\r\n0123456789a\r\n", "kill" },
        { "*1\r\n$11\r\n0123456789a\r\n", "kill" },
        { "!11\r\n", "kill" },
        { "=11\r\n", "kill" },
        { "=10\r\ntxt:456789\r\n", "=txt'456789'" },
        { "$99999999999999999999999999999999\r\n", "kill" },
        { "$?\r\n;6\r\n012345\r\n;4\r\n6789\r\n;0\r\n", "$'0123456789'" },
        { "$?\r\n;6\r\n012345\r\n;5\r\n", "kill" },
        { "$?\r\n;11\r\n", "kill" },
        { "*2\r\n$?\r\n;6\r\n012345\r\n;0\r\n$?\r\n;6\r\n012345\r\n;0\r\n", "*[$'012345' $'012345']" },

        // Elements on all levels together.
        { "*6\r\n_\r\n_\r\n_\r\n_\r\n_\r\n_\r\n", "*[null null null null null null]" },
        { "*7\r\n", "kill" },
        { "%3\r\n_\r\n_\r\n_\r\n_\r\n_\r\n_\r\n", "%[null null null null null null]" },
        { "%4\r\n", "kill" },
        { "%9223372036854775807\r\n", "kill" },
        { "*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n:3\r\n:4\r\n", "*[*[1 2] *[3 4]]" },
        { "*2\r\n*2\r\n:1\r\n:2\r\n*3\r\n", "kill" },
        { "*?\r\n_\r\n_\r\n_\r\n_\r\n_\r\n_\r\n.\r\n", "*[null null null null null null]" },
        { "*?\r\n_\r\n_\r\n_\r\n_\r\n_\r\n_\r\n_\r\n", "kill" },
        { "|2\r\n_\r\n_\r\n_\r\n_\r\n:1\r\n", "|[null null null null]1" },
        { "|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n:1\r\n", "1" },
        { "|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n:1\r\n", "kill" },
        { "*1\r\n>3\r\n_\r\n_\r\n_\r\n:1\r\n", "*[1] lifted >[null null null]" },
        { "*1\r\n>5\r\n", "kill" },
        { "*1\r\n>1\r\n_\r\n>3\r\n", "kill" },

        // Depth.
        { "*1\r\n*1\r\n*1\r\n:1\r\n", "*[*[*[1]]]" },
        { "*1\r\n*1\r\n*1\r\n*0\r\n", "kill" },
        { "*1\r\n*1\r\n*1\r\n*-1\r\n", "*[*[*[null*]]]" },
        { "*1\r\n*1\r\n%?\r\n*?\r\n", "kill" },
        { "*1\r\n*1\r\n*1\r\n|0\r\n", "kill" },
        { "*1\r\n*1\r\n*1\r\n>0\r\n", "kill" },
        { "*1\r\n*1\r\n*1\r\n$?\r\n;0\r\n", "*[*[*[$'']]]" },

        // Frames, attributes included.
        { $"*2\r\n+{A64}\r\n+{A64[..27]}\r\n", "kill" },
        { $"*2\r\n+{A64}\r\n+{new string('b', 20)}\r\n:1\r\n", $"*[+'{A64}' +'{new string('b', 20)}'] ; 1" },
        { $"*2\r\n+{A64}\r\n+{new string('b', 26)}\r\n", $"*[+'{A64}' +'{new string('b', 26)}']" },
        { $"*2\r\n+{A64}\r\n+{new string('b', 25)}", "wait" },
        { $"*2\r\n+{A64}\r\n+{new string('b', 30)}", "kill" },
        { $"*3\r\n+{A64}\r\n+{new string('b', 13)}\r\n$8\r\n", "kill" },
        { $"|1\r\n+{A64}\r\n+{new string('b', 16)}\r\n+12345678\r\n", "kill" },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void A_limit_holds_exactly(string bytes, string outcome)
    {
        // VectorRun repeats frames and puts others around them: limits are per frame.
        VectorRun.Assert(bytes, outcome, Small);
    }

    // The way for small replies must know that a line within its own limit may be a frame beyond the frame's. And a fault that lies behind the limit is not
    // reported instead of it when both arrive together.
    [Theory]
    [InlineData(61, "", "+'{0}'")]
    [InlineData(62, "", "kill")]
    [InlineData(70, "", "kill")]
    [InlineData(59, "*1\r\n", "kill")]
    [InlineData(57, "*1\r\n", "*[+'{0}']")]
    [InlineData(52, "*2\r\n", "wait")]
    [InlineData(57, "*2\r\n", "wait")]
    [InlineData(57, "*2\r\n", "kill", "x")]
    [InlineData(57, "*2\r\n", "kill", ":")]
    [InlineData(70, "", "kill", "x")]
    public void A_frame_may_be_shorter_than_a_line(int length, string before, string outcome, string behind = "")
    {
        RespLimits limits = new() { MaxLineBytes = 100, MaxFrameBytes = 64 };
        string text = new('a', length);
        VectorRun.Assert($"{before}+{text}\r\n{behind}", string.Format(CultureInfo.InvariantCulture, outcome, text), limits);
    }

    [Theory]
    [InlineData(nameof(RespLimits.MaxLineBytes))]
    [InlineData(nameof(RespLimits.MaxBulkBytes))]
    [InlineData(nameof(RespLimits.MaxElements))]
    [InlineData(nameof(RespLimits.MaxDepth))]
    [InlineData(nameof(RespLimits.MaxFrameBytes))]
    public void A_limit_out_of_range_is_named(string name)
    {
        RespLimits limits = name switch
        {
            nameof(RespLimits.MaxLineBytes) => new RespLimits { MaxLineBytes = 63 },
            nameof(RespLimits.MaxBulkBytes) => new RespLimits { MaxBulkBytes = -1 },
            nameof(RespLimits.MaxElements) => new RespLimits { MaxElements = -1 },
            nameof(RespLimits.MaxDepth) => new RespLimits { MaxDepth = 513 },
            _ => new RespLimits { MaxFrameBytes = 63 },
        };
        Assert.Contains(name, Assert.Throws<ArgumentOutOfRangeException>(limits.Validate).Message, StringComparison.Ordinal);
        RespLimits.Default.Validate();
        Assert.Throws<ArgumentOutOfRangeException>(new RespLimits { MaxDepth = 0 }.Validate);
        Assert.Throws<ArgumentOutOfRangeException>(new RespLimits { MaxFrameBytes = 1L << 31 }.Validate);
        new RespLimits { MaxLineBytes = 64, MaxBulkBytes = 0, MaxElements = 0, MaxDepth = 1, MaxFrameBytes = 64 }.Validate();
        new RespLimits { MaxLineBytes = int.MaxValue, MaxBulkBytes = long.MaxValue, MaxElements = int.MaxValue, MaxDepth = 512, MaxFrameBytes = int.MaxValue }.Validate();
    }

    // The stack of open aggregates outgrows its place inside the scanner.
    [Fact]
    public void A_greater_depth_may_be_allowed()
    {
        RespLimits limits = new() { MaxDepth = 512 };
        string open = string.Concat(Enumerable.Repeat("*?\r\n", 200).Concat(Enumerable.Repeat("*1\r\n", 312)));
        string close = string.Concat(Enumerable.Repeat(".\r\n", 200));
        byte[] bytes = Chunkings.Bytes($"{open}:1\r\n{close}+OK\r\n");
        Outcome outcome = Chunkings.AssertSame(bytes, limits, new Random(1), 50);
        Assert.Equal(2, outcome.Values.Count);
        Assert.True(NaiveReader.ReadAll(Chunkings.Bytes($"*1\r\n{open}"), limits).Rejected);
        Assert.True(ProductReader.ReadAll(Chunkings.Bytes($"*1\r\n{open}"), limits, [4 + open.Length], [], out _).Rejected);
    }

    // Ten bytes that announce gigabytes must cost ten bytes. With limits above what is announced nothing else stands between a count and an allocation.
    [Theory]
    [InlineData("*2147483647\r\n")]
    [InlineData("%1073741823\r\n")]
    [InlineData("~2147483647\r\n:1\r\n")]
    [InlineData("*1\r\n>2000000000\r\n")]
    [InlineData("|1000000000\r\n+a\r\n")]
    [InlineData("$2147483647\r\nabc")]
    [InlineData("$9999999999999\r\nabc")]
    [InlineData("!9999999999999\r\n")]
    [InlineData("=9999999999999\r\ntxt:")]
    [InlineData("$?\r\n;9999999999999\r\nabc")]
    [InlineData("*?\r\n*?\r\n*?\r\n")]
    public void What_is_only_announced_reserves_nothing(string start)
    {
        RespLimits vast = new() { MaxElements = int.MaxValue, MaxBulkBytes = long.MaxValue, MaxFrameBytes = long.MaxValue };
        byte[] bytes = Chunkings.Bytes(start);
        ReadOnlySequence<byte> cut = Segments.Cut(bytes, [3, 7]);
        Scan(bytes, cut, vast);

        long before = GC.GetAllocatedBytesForCurrentThread();
        bool complete = Scan(bytes, cut, vast);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.False(complete);
    }

    // Rescanning from the frame's start at every arrival would make this 10^12 steps.
    [Fact]
    public void A_frame_that_trickles_in_costs_each_byte_once()
    {
        byte[] bytes = Chunkings.Bytes($"*2000\r\n{string.Concat(Enumerable.Repeat("*2\r\n$400\r\n" + new string('x', 400) + "\r\n,1.25\r\n", 2000))}");
        FrameScanner scanner = new(RespLimits.Default);
        for (int arrived = 1; arrived < bytes.Length; arrived++)
            Assert.False(scanner.TryScan(bytes.AsSpan(0, arrived), out _));
        Assert.True(scanner.TryScan(bytes, out Frame frame));
        Assert.Equal(bytes.Length, frame.Length);
    }

    // The same in segments of one byte each: to walk the chain from its start at every arrival would be 10^10 steps.
    [Fact]
    public void A_frame_that_trickles_into_a_chain_of_segments_costs_each_segment_once()
    {
        byte[] bytes = Chunkings.Bytes($"*1000\r\n{string.Concat(Enumerable.Repeat("+" + new string('x', 96) + "\r\n", 1000))}");
        ReadOnlySequence<byte> whole = Segments.Cut(bytes, [.. Enumerable.Range(1, bytes.Length)]);
        FrameScanner scanner = new(RespLimits.Default);
        ReadOnlySequenceSegment<byte> first = (ReadOnlySequenceSegment<byte>)whole.Start.GetObject()!;
        for (ReadOnlySequenceSegment<byte> last = first; last.Next?.Next is not null; last = last.Next)
            Assert.False(scanner.TryScan(new ReadOnlySequence<byte>(first, 0, last.Next, last.Next.Memory.Length), out _));

        Assert.True(scanner.TryScan(whole, out Frame frame));
        Assert.Equal(bytes.Length, frame.Length);
    }

    [Fact]
    public void A_caller_that_consumes_half_a_frame_is_told()
    {
        FrameScanner scanner = new(RespLimits.Default);
        Assert.False(scanner.TryScan("$5\r\nhel"u8, out _));
        bool thrown = false;
        try
        {
            scanner.TryScan("hello\r"u8, out _);
        }
        catch (ArgumentException)
        {
            thrown = true;
        }

        Assert.True(thrown);
    }

    private static bool Scan(byte[] bytes, in ReadOnlySequence<byte> cut, RespLimits limits)
    {
        FrameScanner spans = new(limits);
        FrameScanner sequences = new(limits);
        return spans.TryScan(bytes, out _) | sequences.TryScan(cut, out _);
    }
}
