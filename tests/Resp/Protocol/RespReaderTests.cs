using System.Globalization;
using System.Numerics;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>What a caller gets from a reply, and what it is told when it asks for another type.</summary>
public sealed class RespReaderTests
{
    private delegate T Reading<T>(RespReader reader);

    public static TheoryData<string, long> Integers { get; } = new()
    {
        { ":42\r\n", 42 },
        { ":-9223372036854775808\r\n", long.MinValue },
        { "$2\r\n42\r\n", 42 },
        { "+-7\r\n", -7 },
        { "$19\r\n9223372036854775807\r\n", long.MaxValue },
        { "$?\r\n;1\r\n4\r\n;1\r\n2\r\n;0\r\n", 42 },
        { "=6\r\ntxt:42\r\n", 42 },
    };

    // Scripts and old servers send numbers as strings; the caller asked for a number.
    [Theory]
    [MemberData(nameof(Integers))]
    public void An_integer_is_read_from_numbers_and_from_strings(string bytes, long expected)
    {
        foreach (int[] cut in Cuts(bytes))
            Assert.Equal(expected, Read(bytes, cut, static reader => reader.ReadInt64()));
    }

    [Theory]
    [InlineData("$3\r\nabc\r\n")]
    [InlineData("$3\r\n1 2\r\n")]
    [InlineData("$4\r\n1\r\n2\r\n")]
    [InlineData("$0\r\n\r\n")]
    [InlineData("$19\r\n9223372036854775808\r\n")]
    [InlineData("$80\r\n00000000000000000000000000000000000000000000000000000000000000000000000000000001\r\n")]
    [InlineData("$2\r\n1\0\r\n")]
    [InlineData("$-1\r\n")]
    [InlineData("_\r\n")]
    [InlineData("*1\r\n:1\r\n")]
    [InlineData("#t\r\n")]
    [InlineData(",1\r\n")]
    [InlineData("(1\r\n")]
    public void A_reply_that_is_no_integer_says_so(string bytes)
    {
        foreach (int[] cut in Cuts(bytes))
        {
            Assert.False(Read(bytes, cut, static reader => reader.TryReadInt64(out _)));
            Assert.Throws<RespTypeException>(() => Read(bytes, cut, static reader => reader.ReadInt64()));
        }
    }

    // The server's words, not "wrong type": they say what is wrong.
    [Theory]
    [InlineData("-NOSCRIPT No matching script\r\n")]
    [InlineData("!28\r\nNOSCRIPT No matching script.\r\n")]
    public void An_error_is_thrown_as_what_it_is(string bytes)
    {
        foreach (int[] cut in Cuts(bytes))
        {
            Assert.Equal(RespErrorKind.NoScript, Assert.Throws<RespServerException>(() => Read(bytes, cut, static reader => reader.ReadInt64())).Kind);
            Assert.Throws<RespServerException>(() => Read(bytes, cut, static reader => reader.ReadDouble()));
            Assert.Throws<RespServerException>(() => Read(bytes, cut, static reader => reader.ReadBoolean()));
            Assert.Throws<RespServerException>(() => Read(bytes, cut, static reader => { reader.ThrowIfError(); return 0; }));
            Assert.True(Read(bytes, cut, static reader => reader.IsError));
        }
    }

    [Fact]
    public void A_vast_error_is_cut()
    {
        string bytes = $"!100000\r\nERR {new string('x', 99996)}\r\n";
        foreach (int[] cut in (int[][])[[], [50], [5000], [1000, 2000, 99990]])
        {
            RespServerException error = Read(bytes, cut, static reader => reader.ToException())!;
            Assert.Equal(4096, error.Text.Length);
            Assert.Equal(RespErrorKind.Err, error.Kind);
        }
    }

    [Theory]
    [InlineData(",1.5\r\n", 1.5)]
    [InlineData(",-inf\r\n", double.NegativeInfinity)]
    [InlineData(":3\r\n", 3.0)]
    [InlineData("$3\r\ninf\r\n", double.PositiveInfinity)]
    [InlineData("$4\r\n-nan\r\n", double.NaN)]
    [InlineData("$20\r\n0.30000000000000004 \r\n", null)]
    [InlineData("$19\r\n0.30000000000000004\r\n", 0.30000000000000004)]
    [InlineData("$8\r\nInfinity\r\n", null)]
    [InlineData("$2\r\n5\0\r\n", null)]
    [InlineData("+1.5\0\0\r\n", null)]
    [InlineData("$65\r\n00000000000000000000000000000000000000000000000000000000000000000\r\n", null)]
    [InlineData("$1\r\nx\r\n", null)]
    [InlineData("$0\r\n\r\n", null)]
    [InlineData("$-1\r\n", null)]
    [InlineData("#t\r\n", null)]
    public void A_double_is_read_from_numbers_and_from_strings(string bytes, double? expected)
    {
        foreach (int[] cut in Cuts(bytes))
        {
            Assert.Equal(expected, Read(bytes, cut, static reader => reader.TryReadDouble(out double value) ? value : (double?)null));
            if (expected is null)
                Assert.Throws<RespTypeException>(() => Read(bytes, cut, static reader => reader.ReadDouble()));
        }
    }

    [Theory]
    [InlineData("#t\r\n", true)]
    [InlineData("#f\r\n", false)]
    [InlineData(":1\r\n", true)]
    [InlineData(":0\r\n", false)]
    [InlineData(":2\r\n", null)]
    [InlineData("$1\r\n1\r\n", null)]
    [InlineData("_\r\n", null)]
    public void A_boolean_is_read_from_booleans_and_from_0_and_1(string bytes, bool? expected)
    {
        foreach (int[] cut in Cuts(bytes))
        {
            Assert.Equal(expected, Read(bytes, cut, static reader => reader.TryReadBoolean(out bool value) ? value : (bool?)null));
            if (expected is null)
                Assert.Throws<RespTypeException>(() => Read(bytes, cut, static reader => reader.ReadBoolean()));
        }
    }

    [Fact]
    public void A_big_number_is_as_big_as_a_line()
    {
        string digits = new('9', 60000);
        string bytes = $"(-{digits}\r\n";
        BigInteger expected = -BigInteger.Pow(10, 60000) + 1;
        Assert.Equal(expected, Read(bytes, [], static reader => reader.ReadBigInteger()));
        Assert.Equal(expected, Read(bytes, [10, 40000], static reader => reader.ReadBigInteger()));
        Assert.Equal(5, Read(":5\r\n", [], static reader => reader.ReadBigInteger()));
        Assert.Throws<RespTypeException>(() => Read("$1\r\n5\r\n", [], static reader => reader.ReadBigInteger()));
    }

    [Theory]
    [InlineData("$5\r\nhello\r\n", "hello")]
    [InlineData("$?\r\n;2\r\nhe\r\n;3\r\nllo\r\n;0\r\n", "hello")]
    [InlineData("=9\r\ntxt:hello\r\n", "hello")]
    [InlineData("$6\r\n\u00e2\u0082\u00ac\u00e2\u0082\u00ac\r\n", "\u20ac\u20ac")]
    [InlineData("$1\r\n\u00ff\r\n", "\ufffd")]
    [InlineData(":-12\r\n", "-12")]
    [InlineData(",1.50\r\n", "1.50")]
    [InlineData("(007\r\n", "007")]
    [InlineData("-ERR x\r\n", "ERR x")]
    [InlineData("$-1\r\n", null)]
    [InlineData("*-1\r\n", null)]
    [InlineData("_\r\n", null)]
    public void Text_is_read_as_the_server_spelled_it(string bytes, string? expected)
    {
        foreach (int[] cut in Cuts(bytes))
        {
            Assert.Equal(expected, Read(bytes, cut, static reader => reader.ReadString()));
            Assert.Equal(expected is null, Read(bytes, cut, static reader => reader.ToArray()) is null);
        }
    }

    [Fact]
    public void Content_is_copied_whole_or_not_at_all()
    {
        string bytes = "$5\r\nhello\r\n";
        foreach (int[] cut in Cuts(bytes))
        {
            byte[] small = new byte[4];
            Assert.Throws<ArgumentException>(() => Read(bytes, cut, reader => reader.CopyTo(small)));
            Assert.Equal(new byte[4], small);
            byte[] large = new byte[7];
            Assert.Equal(5, Read(bytes, cut, reader => reader.CopyTo(large.AsSpan(1))));
            Assert.Equal("\0hello\0"u8.ToArray(), large);
        }

        Assert.Throws<RespTypeException>(() => Read("*0\r\n", [], static reader => reader.CopyTo(new byte[4])));
        Assert.Throws<RespTypeException>(() => Read("*0\r\n", [], static reader => reader.ReadString()));
        Assert.Throws<RespTypeException>(() => Read("*0\r\n", [], static reader => reader.ToArray()));
        Assert.False(Read("*0\r\n", [], static reader => reader.TryGetSpan(out _)));
    }

    [Fact]
    public void An_aggregate_is_walked_flat_skipped_or_child_by_child()
    {
        const string Bytes = "*4\r\n:1\r\n*?\r\n:2\r\n%1\r\n+k\r\n:3\r\n.\r\n|1\r\n+a\r\n:0\r\n>1\r\n+p\r\n:4\r\n$1\r\nx\r\n";
        foreach (int[] cut in Cuts(Bytes))
        {
            Assert.Equal("1 2 3 4", Read(Bytes, cut, static reader =>
            {
                List<long> all = [];
                while (reader.MoveNext())
                {
                    if (reader.Prefix == RespPrefix.Integer)
                        all.Add(reader.ReadInt64());
                }

                return string.Join(' ', all);
            }));
            Assert.Equal("4 Integer Array:2 Integer BulkString", Read(Bytes, cut, static reader =>
            {
                List<string> seen = [reader.Count.ToString(CultureInfo.InvariantCulture)];
                while (reader.MoveNext())
                {
                    seen.Add(reader.IsAggregate ? $"{reader.Prefix}:{reader.Count}" : reader.Prefix.ToString());
                    reader.Skip();
                }

                return string.Join(' ', seen);
            }));
            Assert.Equal(4, Read(Bytes, cut, static reader =>
            {
                int children = 0;
                foreach (RespReader child in reader.Children)
                    children += child.Count >= 0 ? 1 : 0;
                return children;
            }));
        }
    }

    // A reader over bytes that nobody scanned must fail, not read on.
    [Theory]
    [InlineData("")]
    [InlineData(":")]
    [InlineData("$5\r\nhel")]
    [InlineData("$99999999999\r\n")]
    [InlineData("x\r\n")]
    [InlineData("+abc")]
    [InlineData("+abc\r")]
    [InlineData("$-7\r\n")]
    [InlineData("=2\r\nab\r\n")]
    [InlineData("$?\r\n;5\r\nab")]
    [InlineData("|1\r\n+a")]
    public void Bytes_that_are_no_frame_are_refused_by_the_reader(string bytes)
    {
        foreach (int[] cut in Cuts(bytes))
            Assert.ThrowsAny<Exception>(() => Read(bytes, cut, static reader => reader.Prefix));
    }

    private static IEnumerable<int[]> Cuts(string bytes) =>
        Enumerable.Range(1, Math.Max(0, bytes.Length - 1)).Select(cut => new[] { cut })
            .Append([])
            .Append([.. Enumerable.Range(1, bytes.Length)]);

    private static T Read<T>(string bytes, int[] cut, Reading<T> reading) => reading(new RespReader(Segments.Cut(Chunkings.Bytes(bytes), cut)));
}
