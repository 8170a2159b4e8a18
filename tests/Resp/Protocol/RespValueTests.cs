using System.Numerics;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>Replies as trees.</summary>
public sealed class RespValueTests
{
    [Theory]
    [InlineData("+OK\r\n", "\"OK\"")]
    [InlineData(":-5\r\n", "-5")]
    [InlineData("$-1\r\n", "null")]
    [InlineData("*3\r\n:1\r\n$1\r\na\r\n*0\r\n", "[1, \"a\", []]")]
    [InlineData("%1\r\n+k\r\n~1\r\n#t\r\n", "{\"k\": ~{true}}")]
    [InlineData(">1\r\n+p\r\n", ">[\"p\"]")]
    [InlineData("-ERR no\r\n", "error \"ERR no\"")]
    [InlineData("|1\r\n+ttl\r\n:3\r\n,1.5\r\n", "|{\"ttl\": 3} 1.5")]
    public void A_value_prints_for_people(string bytes, string text) => Assert.Equal(text, Parse(bytes).ToString());

    // How a server cuts a value is not what it says.
    [Theory]
    [InlineData("$5\r\nhello\r\n", "$?\r\n;2\r\nhe\r\n;3\r\nllo\r\n;0\r\n")]
    [InlineData("*2\r\n:1\r\n:2\r\n", "*?\r\n:1\r\n:2\r\n.\r\n")]
    [InlineData("%1\r\n:1\r\n:2\r\n", "%?\r\n:01\r\n:+2\r\n.\r\n")]
    [InlineData("*1\r\n:1\r\n", "*1\r\n>1\r\n+p\r\n:1\r\n")]
    [InlineData("|2\r\n+a\r\n:1\r\n+b\r\n:2\r\n_\r\n", "|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n_\r\n")]
    public void Values_with_the_same_content_are_equal(string one, string other)
    {
        Assert.Equal(Parse(one), Parse(other));
        Assert.Equal(Parse(one).GetHashCode(), Parse(other).GetHashCode());
    }

    [Fact]
    public void Values_that_differ_anywhere_are_not_equal()
    {
        string[] all =
        [
            "+1\r\n", "$1\r\n1\r\n", ":1\r\n", ",1\r\n", "(1\r\n", "=5\r\ntxt:1\r\n", "=5\r\nmkd:1\r\n", "-1\r\n", "!1\r\n1\r\n", "#t\r\n", "#f\r\n",
            "_\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "~0\r\n", "%0\r\n", ">0\r\n", "*1\r\n:1\r\n", "*1\r\n:2\r\n", "*2\r\n:1\r\n:1\r\n", "|1\r\n+a\r\n:1\r\n:1\r\n", "$0\r\n\r\n",
        ];
        for (int one = 0; one < all.Length; one++)
        {
            for (int other = 0; other < all.Length; other++)
                Assert.Equal(one == other, Parse(all[one]).Equals(Parse(all[other])));
        }

        Assert.False(Parse("_\r\n").Equals(null));
    }

    [Fact]
    public void A_value_converts_as_a_reader_does()
    {
        Assert.Equal(42, Parse("$2\r\n42\r\n").AsInt64());
        Assert.Equal(42, Parse(":42\r\n").AsDouble());
        Assert.Equal(double.PositiveInfinity, Parse("$3\r\ninf\r\n").AsDouble());
        Assert.True(Parse(":1\r\n").AsBoolean());
        Assert.Equal(BigInteger.Parse("123456789012345678901234567890"), Parse("(123456789012345678901234567890\r\n").AsBigInteger());
        Assert.Equal("-12", Parse(":-12\r\n").AsString());
        Assert.Null(Parse("*-1\r\n").AsString());
        Assert.Equal(RespErrorKind.WrongType, Parse("-WRONGTYPE x\r\n").AsException()!.Kind);
        Assert.Null(Parse("+OK\r\n").AsException());
        Assert.Throws<RespTypeException>(() => Parse("*0\r\n").AsString());
        Assert.Throws<RespTypeException>(() => Parse("$1\r\nx\r\n").AsInt64());
        Assert.Throws<RespTypeException>(() => Parse("$-1\r\n").AsInt64());
        Assert.Throws<RespTypeException>(() => Parse(",1\r\n").AsInt64());
        Assert.Throws<RespTypeException>(() => Parse("_\r\n").AsDouble());
        Assert.Throws<RespTypeException>(() => Parse(":2\r\n").AsBoolean());
        Assert.Throws<RespTypeException>(() => Parse("+1\r\n").AsBigInteger());
        Assert.Throws<RespServerException>(() => Parse("-ERR x\r\n").AsInt64());
        Assert.Equal([1L, 2L], Parse("%1\r\n:1\r\n:2\r\n").Pairs.SelectMany(pair => new[] { pair.Key.AsInt64(), pair.Value.AsInt64() }));
    }

    // The framework takes NULs behind a number, and the reader has only so much room for one in a string: the tree must not be laxer than the reader.
    [Theory]
    [InlineData("$2\r\n5\0\r\n", false)]
    [InlineData("+5\0\r\n", false)]
    [InlineData("$65\r\n00000000000000000000000000000000000000000000000000000000000000005\r\n", false)]
    [InlineData("$64\r\n0000000000000000000000000000000000000000000000000000000000000005\r\n", true)]
    [InlineData("=6\r\ntxt:+5\r\n", true)]
    public void A_string_is_the_same_number_to_a_tree_and_to_a_reader(string bytes, bool isNumber)
    {
        RespReader reader = new(Chunkings.Bytes(bytes));
        Assert.Equal(isNumber, reader.TryReadInt64(out _));
        Assert.Equal(isNumber, reader.TryReadDouble(out _));
        RespValue value = Parse(bytes);
        if (isNumber)
        {
            Assert.Equal(5, value.AsInt64());
            Assert.Equal(5.0, value.AsDouble());
            return;
        }

        Assert.Throws<RespTypeException>(() => value.AsInt64());
        Assert.Throws<RespTypeException>(() => value.AsDouble());
    }

    // Copied again with every attribute that follows, these cost 16 bytes times the square of their number: terabytes within the default limits.
    [Theory]
    [InlineData("")]
    [InlineData("*1\r\n")]
    public void Attributes_one_behind_the_other_cost_what_they_are(string before)
    {
        const int Count = 5000;
        byte[] bytes = Chunkings.Bytes(before + string.Concat(Enumerable.Repeat("|1\r\n+a\r\n_\r\n", Count)) + ":1\r\n");
        RespReader reader = new(bytes);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        RespValue value = RespValue.Read(ref reader);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, Count * 1000L);
        RespValue about = (before.Length == 0 ? value : value.Items[0]).Attributes!;
        Assert.Equal(Count * 2, about.Items.Count);
        Assert.Equal("a", about.Items[^2].AsString());
    }

    [Theory]
    [InlineData("+OK", 3)]
    [InlineData("+OK\r\n+", 5)]
    [InlineData("x", 0)]
    public void Bytes_that_are_not_one_reply_are_no_value(string bytes, long offset) =>
        Assert.Equal(offset, Assert.Throws<RespProtocolException>(() => Parse(bytes)).Offset);

    // A tree of an array of a million nulls costs what its references cost; a stack per level would end the process.
    [Fact]
    public void A_tree_is_built_without_recursion()
    {
        string open = string.Concat(Enumerable.Repeat("*1\r\n", 511));
        RespValue value = RespValue.Parse(Chunkings.Bytes($"{open}|1\r\n+a\r\n:1\r\n:1\r\n"), new RespLimits { MaxDepth = 512 });
        int depth = 0;
        for (; value.Items.Count > 0; value = value.Items[0])
            depth++;
        Assert.Equal(511, depth);
        Assert.NotNull(value.Attributes);
    }

    private static RespValue Parse(string bytes) => RespValue.Parse(Chunkings.Bytes(bytes));
}
