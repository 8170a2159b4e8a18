using System.Text;
using Sluice.Cli.Input;

namespace Sluice.Cli.Tests.Input;

public sealed class CombinedLogParserTests
{
    private const string Whole =
        "83.149.9.216 - frank [17/May/2015:10:05:03 +0200] \"GET /a/b.png?x=1 HTTP/1.1\" 404 203023 \"http://example.com/\" \"Mozilla/5.0 (X11)\"";

    private static readonly long WholeTicks = new DateTimeOffset(2015, 5, 17, 10, 5, 3, TimeSpan.FromHours(2)).UtcTicks;

    [Fact]
    public void Every_field_of_a_combined_line_is_read()
    {
        Parsed line = Parse(Whole);
        Assert.Equal(Malformation.None, line.Reason);
        Assert.Equal(new Parsed(Malformation.None, "83.149.9.216", "GET", "/a/b.png?x=1", "HTTP/1.1", "http://example.com/", "Mozilla/5.0 (X11)", WholeTicks, 404, 203023), line);
    }

    public static TheoryData<string, string, string, int, long> Accepted => new()
    {
        // The common format ends after the size.
        { "::1 - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.0\" 200 12", "::1", "/", 200, 12 },
        { "h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.0\" 304 -", "h", "/", 304, 0 },
        { "h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.0\" 304 - \"-\" \"-\"", "h", "/", 304, 0 },

        // The closing quote is missing: request, status and size are whole.
        { "h - - [20/May/2015:12:05:17 +0000] \"GET /x.py HTTP/1.1\" 200 235 \"-\" \"Mozilla/5.0 (compatible; Googlebot/2.1", "h", "/x.py", 200, 235 },
        { "h - - [20/May/2015:12:05:17 +0000] \"GET /x.py HTTP/1.1\" 200 235 \"http://cut", "h", "/x.py", 200, 235 },

        // Formats that append fields.
        { "h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/2.0\" 200 5 \"-\" \"a\" \"10.0.0.1\" rt=0.003", "h", "/", 200, 5 },

        // Users with spaces, brackets and quotes.
        { "h - John [the] Doe [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/2.0\" 200 5", "h", "/", 200, 5 },
        { "h - a\"b [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/2.0\" 200 5", "h", "/", 200, 5 },

        // Requests that are none: they are hits all the same.
        { "h - - [01/Jan/2020:00:00:00 +0000] \"-\" 408 0", "h", "-", 408, 0 },
        { "h - - [01/Jan/2020:00:00:00 +0000] \"\" 400 0", "h", "", 400, 0 },
        { "h - - [01/Jan/2020:00:00:00 +0000] \"\\x16\\x03\\x01\" 400 226", "h", "\\x16\\x03\\x01", 400, 226 },
        { "h - - [01/Jan/2020:00:00:00 +0000] \"GET /say \\\"hi\\\" there HTTP/1.1\" 200 1", "h", "/say \\\"hi\\\" there", 200, 1 },
        { "h - - [01/Jan/2020:00:00:00 +0000] \"GET /no-protocol\" 200 1", "h", "/no-protocol", 200, 1 },
        { "h - - [01/Jan/2020:00:00:00 +0000] \"GET  HTTP/1.1\" 400 1", "h", "GET  HTTP/1.1", 400, 1 },

        // Numbers at their ends.
        { "h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 999 9007199254740991", "h", "/", 999, 9007199254740991 },
        { "h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 100 000", "h", "/", 100, 0 },
    };

    [Theory]
    [MemberData(nameof(Accepted))]
    public void A_line_counts_when_client_time_request_status_and_size_are_whole(string line, string client, string path, int status, long bytes)
    {
        Parsed parsed = Parse(line);
        Assert.Equal((Malformation.None, client, path, status, bytes), (parsed.Reason, parsed.Client, parsed.Path, parsed.Status, parsed.Bytes));
    }

    [Theory]
    [InlineData("", "NoClient")]
    [InlineData(" - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1", "NoClient")]
    [InlineData("garbage", "NoClient")]
    [InlineData("some words without meaning", "NoTime")]
    [InlineData("h - - [32/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1", "BadTime")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000 \"GET / HTTP/1.1\" 200 1", "BadTime")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000]", "NoRequest")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] GET / HTTP/1.1 200 1", "NoRequest")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1", "NoRequest")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\\", "NoRequest")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\"", "BadStatus")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 20", "BadStatus")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 2000 1", "BadStatus")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 099 1", "BadStatus")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" - 1", "BadStatus")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200", "BadBytes")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200 ", "BadBytes")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200 12x", "BadBytes")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200 -1", "BadBytes")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200 --", "BadBytes")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200 9007199254740992", "BadBytes")]
    [InlineData("h - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200 99999999999999999999", "BadBytes")]
    public void Anything_else_is_malformed_and_says_why(string line, string reason) =>
        Assert.Equal(reason, Parse(line).Reason.ToString());

    // A prefix is what a full disk or a crash leaves: it counts from the first digit of the size on, and it never throws.
    [Fact]
    public void Every_prefix_of_a_line_is_malformed_until_the_size_has_begun()
    {
        int size = Whole.IndexOf(" 203023", StringComparison.Ordinal) + 1;
        for (int length = 0; length <= Whole.Length; length++)
            Assert.Equal(length > size, Parse(Whole[..length]).Reason == Malformation.None);
    }

    // The bytes around the line are not the parser's: reading them would make results depend on what is in the buffer.
    [Fact]
    public void Bytes_around_the_line_change_nothing()
    {
        byte[] line = Encoding.UTF8.GetBytes(Whole);
        foreach (byte guard in "\"] 9\\\0\n"u8)
        {
            byte[] guarded = new byte[line.Length + 64];
            Array.Fill(guarded, guard);
            line.CopyTo(guarded, 32);
            for (int length = 0; length <= line.Length; length++)
                Assert.Equal(Parse(line.AsSpan(0, length)), Parse(guarded.AsSpan(32, length)));
        }
    }

    [Fact]
    public void No_bytes_make_it_throw()
    {
        const int seed = 20150517;
        Random random = new(seed);
        byte[] alphabet = "\"\\[]:/ -+0129GETMayHTP.\0\x7F\u00FF\n"u8.ToArray();
        byte[] whole = Encoding.UTF8.GetBytes(Whole);
        for (int i = 0; i < 200_000; i++)
        {
            byte[] line;
            if (i % 2 == 0)
            {
                line = new byte[random.Next(120)];
                for (int j = 0; j < line.Length; j++)
                    line[j] = alphabet[random.Next(alphabet.Length)];
            }
            else
            {
                line = (byte[])whole.Clone();
                for (int j = random.Next(1, 4); j > 0; j--)
                    line[random.Next(line.Length)] = (byte)random.Next(256);
            }

            Parsed parsed = Parse(line);
            Assert.True(parsed.Reason != Malformation.None || (parsed.Status is >= 100 and <= 999 && parsed.Bytes is >= 0 and <= LogParser.MaxBytes));
        }
    }

    [Fact]
    public void Parsing_allocates_nothing()
    {
        CombinedLogParser parser = new();
        byte[] line = Encoding.UTF8.GetBytes(Whole);
        parser.Parse(line, out _);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            parser.Parse(line, out _);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static Parsed Parse(string line) => Parse(Encoding.UTF8.GetBytes(line));

    private static Parsed Parse(ReadOnlySpan<byte> line)
    {
        Malformation reason = new CombinedLogParser().Parse(line, out LogRecord record);
        return reason != Malformation.None
            ? new Parsed(reason, "", "", "", "", "", "", 0, 0, 0)
            : new Parsed(reason, Text(record.Client), Text(record.Method), Text(record.Path), Text(record.Protocol), Text(record.Referrer), Text(record.Agent), record.Ticks, record.Status, record.Bytes);
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    private sealed record Parsed(
        Malformation Reason, string Client, string Method, string Path, string Protocol, string Referrer, string Agent, long Ticks, int Status, long Bytes);
}
