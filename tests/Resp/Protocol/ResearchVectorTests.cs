using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>
/// Bytes that servers, proxies and broken clients of the field really sent, each with the outcome that it must have. "kill" is a protocol fault,
/// "wait" an incomplete frame.
/// </summary>
public sealed class ResearchVectorTests
{
    public static TheoryData<string, string> Vectors { get; } = new()
    {
        // Empty lines are lines: EVAL "return redis.status_reply('')" 0.
        { "+\r\n", "+''" },
        { "-\r\n", "-''" },
        { "+OK\n", "wait" },
        { "+\n", "wait" },
        { "+OK\n\r\n", "kill" },
        { "+a\rb\r\n", "kill" },

        // Integers.
        { ":\r\n", "kill" },
        { ":-\r\n", "kill" },
        { ":x\r\n", "kill" },
        { ":1x\r\n", "kill" },
        { ":9223372036854775808\r\n", "kill" },
        { ":+5\r\n", "5" },

        // Lengths and counts.
        { "$0\r\n\r\n", "$''" },
        { "$-1\r\n", "null$" },
        { "$-2\r\n", "kill" },
        { "*-2\r\n", "kill" },
        { "%-1\r\n", "kill" },
        { "$2147483647\r\n", "kill" },
        { "$536870913\r\n", "kill" },
        { "$9999999999\r\n", "kill" },
        { "$5\r\nhelloXX", "kill" },
        { "*1\r\n$3\r\nabc\r\r", "kill" },
        { "$05\r\nhello\r\n", "$'hello'" },
        { "$ 5\r\n", "kill" },
        { "$+5\r\n", "kill" },
        { "$5hello\r\n", "kill" },
        { "*2147483647\r\n*2147483647\r\n", "kill" },
        { "%2147483647\r\n", "kill" },
        { "*0\r\n", "*[]" },
        { "*-1\r\n", "null*" },
        { "~0\r\n", "~[]" },
        { "%0\r\n", "%[]" },
        { ">0\r\n", ">[]" },

        // RESP3 scalars.
        { "_\r\n", "null" },
        { "_x\r\n", "kill" },
        { "#t\r\n", "true" },
        { "#f\r\n", "false" },
        { "#x\r\n", "kill" },
        { "#tt\r\n", "kill" },
        { ",1.5e3\r\n", ",1500" },
        { ",inf\r\n", ",Infinity" },
        { ",-inf\r\n", ",-Infinity" },
        { ",nan\r\n", ",NaN" },
        { ",-nan\r\n", ",NaN" },
        { ",\r\n", "kill" },
        { "$3\r\ninf\r\n", "$'inf'" },
        { "(3492890328409238509324850943850943825024385\r\n", "(3492890328409238509324850943850943825024385" },
        { "!21\r\nSYNTAX invalid syntax\r\n", "!'SYNTAX invalid syntax'" },
        { "=15\r\ntxt:Some string\r\n", "=txt'Some string'" },
        { "=3\r\ntxt\r\n", "kill" },
        { "=29\r\ntxt:This is a verbatim\nstring\r\n", "=txt'This is a verbatim\\0astring'" },

        // Attributes.
        { "|1\r\n+ttl\r\n:3600\r\n:7\r\n", "|[+'ttl' 3600]7" },
        { "*2\r\n:1\r\n|1\r\n+ttl\r\n:3600\r\n:7\r\n", "*[1 |[+'ttl' 3600]7]" },
        { "|1\r\n+ttl\r\n:3600\r\n>1\r\n+x\r\n", "|[+'ttl' 3600]>[+'x']" },
        { "|0\r\n+OK\r\n", "+'OK'" },
        { "|1\r\n+ttl\r\n:3600\r\n", "wait" },

        // Pushes between replies.
        { ">2\r\n$10\r\ninvalidate\r\n*1\r\n$2\r\ntk\r\n+PONG\r\n", ">[$'invalidate' *[$'tk']] ; +'PONG'" },
        { ">2\r\n+invalidate\r\n_\r\n", ">[+'invalidate' null]" },
        { ">3\r\n+SMIGRATED\r\n:1\r\n*1\r\n+n\r\n", ">[+'SMIGRATED' 1 *[+'n']]" },
        { ">2\r\n+server-cpu-usage\r\n:42\r\n", ">[+'server-cpu-usage' 42]" },
        { ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", ">[$'subscribe' $'c' 1]" },
        { ">3\r\n$12\r\nsunsubscribe\r\n$1\r\nc\r\n:0\r\n", ">[$'sunsubscribe' $'c' 0]" },

        // The push that Redis 6 puts inside a reply counts as no element.
        { "*2\r\n>2\r\n+invalidate\r\n*1\r\n+k\r\n$1\r\nv\r\n", "wait" },
        { "*2\r\n>2\r\n+invalidate\r\n*1\r\n+k\r\n$1\r\nv\r\n:2\r\n", "*[$'v' 2] lifted >[+'invalidate' *[+'k']]" },

        // Streamed strings and aggregates.
        { "$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n", "$'Hello'" },
        { "$?\r\n;-1\r\n", "kill" },
        { "$?\r\n+x\r\n", "kill" },
        { "*?\r\n:1\r\n:2\r\n.\r\n", "*[1 2]" },
        { "%?\r\n+a\r\n:1\r\n.\r\n", "%[+'a' 1]" },
        { "%?\r\n+a\r\n:1\r\n+b\r\n.\r\n", "kill" },
        { ".\r\n", "kill" },
        { ";0\r\n", "kill" },

        // Somebody else at the other end.
        { "HTTP/1.1 400 Bad Request\r\n", "kill" },
        { "\u0015\u0003\u0003\0\u0002\u0002\n", "kill" },
        { "\0\0\0\0", "kill" },

        // Errors are replies; what they mean is tested with RespServerException.
        { "-MOVED 3999 127.0.0.1:6381\r\n", "-'MOVED 3999 127.0.0.1:6381'" },
        { "-MOVED 3999 :6381\r\n", "-'MOVED 3999 :6381'" },
        { "-MOVED 1 ?:0\r\n", "-'MOVED 1 ?:0'" },
        { "-MOVED 3999 ::1:6381\r\n", "-'MOVED 3999 ::1:6381'" },
        { "-MOVED\r\n", "-'MOVED'" },
        { "-ASK 3999 127.0.0.1:6381\r\n", "-'ASK 3999 127.0.0.1:6381'" },
        { "-REDIRECT 127.0.0.1:6381\r\n", "-'REDIRECT 127.0.0.1:6381'" },
        { "*2\r\n-READONLY You can't\r\n:1\r\n", "*[-'READONLY You can\\27t' 1]" },
        { "-ERR Error running script (call to f_1): @user_script:1: -READONLY no\r\n", "-'ERR Error running script (call to f_1): @user_script:1: -READONLY no'" },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void A_vector_has_its_outcome_however_it_is_cut(string bytes, string outcome) => VectorRun.Assert(bytes, outcome);

    // Lua can nest; a server has really sent 2000 levels. A parser that recurses ends the process here.
    [Fact]
    public void Nesting_without_end_is_refused_at_the_limit_of_depth()
    {
        byte[] bytes = [.. Enumerable.Repeat("*1\r\n"u8.ToArray(), 100_000).SelectMany(part => part), .. ":1\r\n"u8];
        Assert.Equal("kill", VectorRun.InPieces(bytes, 4096, out long offset));
        Assert.Equal(32 * 4, offset);
    }

    [Fact]
    public void Streamed_nesting_without_end_is_refused_at_the_limit_of_depth()
    {
        byte[] bytes = [.. Enumerable.Repeat("*?\r\n"u8.ToArray(), 70_000).SelectMany(part => part)];
        Assert.Equal("kill", VectorRun.InPieces(bytes, 4096, out long offset));
        Assert.Equal(32 * 4, offset);
    }

    [Fact]
    public void Two_thousand_levels_of_a_real_script_are_refused()
    {
        byte[] bytes = [.. Enumerable.Repeat("*1\r\n"u8.ToArray(), 2000).SelectMany(part => part), .. ":1\r\n"u8];
        Assert.Equal("kill", VectorRun.InPieces(bytes, 64, out _));
    }

    [Theory]
    [InlineData("+")]
    [InlineData("-")]
    [InlineData("+\n")]
    [InlineData("*1\r\n+")]
    public void A_line_without_end_is_refused_at_the_limit(string start)
    {
        byte[] bytes = [.. Chunkings.Bytes(start), .. Enumerable.Repeat((byte)'a', 4 * 1024 * 1024)];
        Assert.Equal("kill", VectorRun.InPieces(bytes, 4096, out _));
        Assert.Equal("wait", VectorRun.InPieces(bytes[..(64 * 1024)], 4096, out _));
    }
}
