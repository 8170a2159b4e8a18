using System.Text;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>A protocol fault is read by a person at night: it says where, what was there, and what that looks like.</summary>
public sealed class RespProtocolExceptionTests
{
    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n", "HTTP")]
    [InlineData("H", "HTTP")]
    [InlineData("\u0015\u0003\u0003\0\u0002\u0002\n", "TLS alert")]
    [InlineData("\u0015", "TLS alert")]
    [InlineData("\u0016\u0003\u0001", "TLS handshake")]
    [InlineData("\0\0\0\0", "NUL")]
    [InlineData("Hello", "no value begins")]
    [InlineData("{}", "no value begins")]
    [InlineData(".\r\n", "streamed")]
    public void Somebody_else_at_the_other_end_is_recognised(string bytes, string hint) =>
        Assert.Contains(hint, Fault(bytes).Message, StringComparison.Ordinal);

    [Fact]
    public void Offset_and_bytes_are_those_of_the_stream()
    {
        RespProtocolException fault = Fault("+OK\r\n:1\r\n*2\r\n:1\r\n:\"\\\t\u00fe\r\n");
        Assert.Equal(5 + 4 + 4 + 4 + 1, fault.Offset);
        Assert.Contains("at byte 18 of the stream", fault.Message, StringComparison.Ordinal);
        Assert.Contains("""*2\r\n:1\r\n:\"\\\t\xfe\r\n""", fault.Message, StringComparison.Ordinal);
        Assert.Equal("*2\r\n:1\r\n:\"\\\t\u00fe\r\n", Encoding.Latin1.GetString(fault.Bytes.Span));
    }

    // The stream may hold gigabytes, and what a password looks like.
    [Fact]
    public void No_more_than_64_bytes_are_shown()
    {
        RespProtocolException fault = Fault($"*2\r\n$100\r\n{new string('a', 100)}\r\n:{new string('1', 10)}x{new string('b', 100)}");
        Assert.Equal(64, fault.Bytes.Length);
        Assert.Equal('x', (char)fault.Bytes.Span[32]);
    }

    [Theory]
    [InlineData("*9999999\r\n", nameof(RespLimits.MaxElements))]
    [InlineData("$999999999\r\n", nameof(RespLimits.MaxBulkBytes))]
    public void A_limit_is_named(string bytes, string limit) => Assert.Contains($"{nameof(RespLimits)}.{limit}", Fault(bytes).Message, StringComparison.Ordinal);

    private static RespProtocolException Fault(string stream)
    {
        FrameScanner scanner = new(RespLimits.Default);
        ReadOnlySpan<byte> rest = Chunkings.Bytes(stream);
        try
        {
            while (scanner.TryScan(rest, out Frame frame))
                rest = rest[(int)frame.Length..];
        }
        catch (RespProtocolException fault)
        {
            return fault;
        }

        throw new InvalidOperationException("There is no fault.");
    }
}
