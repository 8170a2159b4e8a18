using System.Text;
using Sluice.Cli.Input;

namespace Sluice.Cli.Tests.Input;

public sealed class JsonLogParserTests
{
    private static readonly long Ticks = new DateTimeOffset(2015, 5, 17, 10, 5, 3, TimeSpan.Zero).UtcTicks;

    public static TheoryData<string, string?> SameRecord => new()
    {
        // nginx's log_format with escape=json.
        { """{"remote_addr":"10.0.0.1","time_iso8601":"2015-05-17T10:05:03+00:00","request":"GET /a?b=1 HTTP/1.1","status":404,"body_bytes_sent":512,"http_referer":"-","http_user_agent":"curl"}""", null },
        { """{"client":"10.0.0.1","time":1431857103,"method":"GET","path":"/a?b=1","status":"404","bytes":"512"}""", null },

        // Names of one's own, nested ones too.
        { """{"who":"10.0.0.1","when":"1431857103.000","h":{"req":{"uri":"/a?b=1","m":"GET"}},"rc":404,"n":512}""", "client=who,time=when,path=h.req.uri,method=h.req.m,status=rc,bytes=n" },

        // Caddy.
        { """{"level":"info","ts":1431857103,"request":{"remote_ip":"10.0.0.1","proto":"HTTP/1.1","method":"GET","uri":"/a?b=1","headers":{"User-Agent":["curl"]}},"size":512,"status":404}""", null },

        // Escapes, unknown properties of every kind, and an earlier value that a later one replaces.
        { """{"x":[1,{"path":"/no"}],"y":null,"cl\u0069ent":"10.0\u002e0.1","time":"17/May/2015:10:05:03 +0000","method":"GET","path":"/first","path":"\/a?b=1","status":404,"bytes":512,"z":{}}""", null },
    };

    [Theory]
    [MemberData(nameof(SameRecord))]
    public void The_same_request_is_read_whatever_its_properties_are_called(string line, string? map)
    {
        Parsed parsed = Parse(line, map);
        Assert.Equal(new Parsed(Malformation.None, "10.0.0.1", "GET", "/a?b=1", "", Ticks, 404, 512), parsed);
    }

    [Theory]
    [InlineData("""{"client":"a","time":0,"bytes":"-"}""")]
    [InlineData("""{"client":"a","time":0,"bytes":null}""")]
    [InlineData("""{"client":"a","time":0}""")]
    [InlineData("""{"client":"a","time":0,"status":null,"bytes":""}""")]
    public void Size_and_status_may_be_missing(string line)
    {
        Parsed parsed = Parse(line);
        Assert.Equal((Malformation.None, 0, 0L), (parsed.Reason, parsed.Status, parsed.Bytes));
    }

    [Theory]
    [InlineData("", "NotJson")]
    [InlineData("[]", "NotJson")]
    [InlineData("1", "NotJson")]
    [InlineData("{", "NotJson")]
    [InlineData("""{"client":"a","time":0} x""", "NotJson")]
    [InlineData("""{"client":"a","time":0}{}""", "NotJson")]
    [InlineData("""{"client":"\ud800","time":0}""", "NotJson")]
    [InlineData("""{}""", "NoClient")]
    [InlineData("""{"client":"","time":0}""", "NoClient")]
    [InlineData("""{"client":["a"],"time":0}""", "NoClient")]
    [InlineData("""{"client":"a"}""", "NoTime")]
    [InlineData("""{"client":"a","time":"soon"}""", "BadTime")]
    [InlineData("""{"client":"a","time":true}""", "BadTime")]
    [InlineData("""{"client":"a","time":0,"status":"ok"}""", "BadStatus")]
    [InlineData("""{"client":"a","time":0,"status":42}""", "BadStatus")]
    [InlineData("""{"client":"a","time":0,"bytes":-5}""", "BadBytes")]
    [InlineData("""{"client":"a","time":0,"bytes":1.5}""", "BadBytes")]
    [InlineData("""{"client":"a","time":0,"bytes":9007199254740992}""", "BadBytes")]
    public void What_cannot_be_counted_is_malformed_and_says_why(string line, string reason) =>
        Assert.Equal(reason, Parse(line).Reason.ToString());

    [Theory]
    [InlineData("""{"user_id":1234,"time":0}""", "user_id", "1234")]
    [InlineData("""{"u":{"id":"x"},"time":0}""", "u.id", "x")]
    public void Any_property_can_be_the_key(string line, string key, string value) =>
        Assert.Equal((Malformation.None, value), (Parse(line, null, key).Reason, Parse(line, null, key).Custom));

    // A property can be a field and hold others: nginx's request is a text, Caddy's an object.
    [Theory]
    [InlineData("client=a.b,path=a")]
    [InlineData("path=a,client=a.b")]
    public void A_property_and_its_parts_can_both_be_mapped(string map)
    {
        Assert.Equal("c", Parse("""{"a":{"b":"c"},"time":0}""", map).Client);
        Assert.Equal(Malformation.NoClient, Parse("""{"a":"/x","time":0}""", map).Reason);
    }

    [Theory]
    [InlineData("nonsense=a", "nonsense")]
    [InlineData("client", "client")]
    [InlineData("client=", "client=")]
    [InlineData("client=a,client=b", "twice")]
    public void A_wrong_mapping_says_what_is_wrong(string map, string named)
    {
        Assert.Null(JsonFieldMap.TryParse(map, null, out string? error));
        Assert.Contains(named, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_prefix_and_no_bytes_make_it_throw()
    {
        byte[] whole = """{"client":"10.0.0.1","time":1431857103,"method":"GET","path":"/a\u0041?b=1","status":"404","bytes":"512"}"""u8.ToArray();
        JsonLogParser parser = new(JsonFieldMap.TryParse(null, null, out _)!);
        for (int length = 0; length < whole.Length; length++)
            Assert.Equal(Malformation.NotJson, parser.Parse(whole.AsSpan(0, length), out _));
        Random random = new(7);
        for (int i = 0; i < 50_000; i++)
        {
            byte[] line = (byte[])whole.Clone();
            for (int j = random.Next(1, 4); j > 0; j--)
                line[random.Next(line.Length)] = (byte)random.Next(256);
            parser.Parse(line, out _);
        }

        Assert.Equal(Malformation.NotJson, parser.Parse(Encoding.UTF8.GetBytes(new string('[', 1000)), out _));
        Assert.Equal(Malformation.NotJson, parser.Parse(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"request\":", 1000))), out _));
    }

    private static Parsed Parse(string line, string? map = null, string? key = null)
    {
        JsonFieldMap fields = JsonFieldMap.TryParse(map, key, out string? error) ?? throw new InvalidOperationException(error);
        Malformation reason = new JsonLogParser(fields).Parse(Encoding.UTF8.GetBytes(line), out LogRecord record);
        return reason != Malformation.None
            ? new Parsed(reason, "", "", "", "", 0, 0, 0)
            : new Parsed(reason, Text(record.Client), Text(record.Method), Text(record.Path), Text(record.Custom), record.Ticks, record.Status, record.Bytes);
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    private sealed record Parsed(Malformation Reason, string Client, string Method, string Path, string Custom, long Ticks, int Status, long Bytes);
}
