using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>The corners of the grammar: what is just inside, what is just outside.</summary>
public sealed class GrammarVectorTests
{
    public static TheoryData<string, string> Inside { get; } = new()
    {
        { "+\n\r", "wait" },
        { "+ \r\n", "+' '" },
        { "+a b  c\r\n", "+'a b  c'" },
        { "+\0\u007f\u0080\u00ff\r\n", "+'\\00\\7f\\80\\ff'" },
        { "-ERR x\r\n", "-'ERR x'" },
        { "+OK\r", "wait" },
        { "+OKAY\r\n", "+'OKAY'" },
        { "+OK\r\n+OK\r\n", "+'OK' ; +'OK'" },
        { ":0\r\n", "0" },
        { ":-0\r\n", "0" },
        { ":+0\r\n", "0" },
        { ":-1\r\n", "-1" },
        { ":007\r\n", "7" },
        { ":00000000000000000000000000000000000000000000000000000000000000000001\r\n", "1" },
        { ":9223372036854775807\r\n", "9223372036854775807" },
        { ":-9223372036854775808\r\n", "-9223372036854775808" },
        { ":999999999999999999\r\n", "999999999999999999" },
        { ":1000000000000000000\r\n", "1000000000000000000" },
        { ":12", "wait" },
        { ":12\r", "wait" },
        { "$", "wait" },
        { "$-", "wait" },
        { "$-1", "wait" },
        { "$1", "wait" },
        { "$1\r\n", "wait" },
        { "$1\r\na\r", "wait" },
        { "$2\r\n\r\n\r\n", "$'\\0d\\0a'" },
        { "$11\r\n$1\r\na\r\n*0\r\n\r\n", "$'$1\\0d\\0aa\\0d\\0a*0\\0d\\0a'" },
        { "$000000000000000000001\r\na\r\n", "$'a'" },
        { "$?\r\n;0\r\n", "$''" },
        { "$?\r\n;00\r\n", "$''" },
        { "$?\r\n;2\r\n;0\r\n;0\r\n", "$';0'" },
        { "$?\r\n;3\r\nabc\r\n;03\r\ndef\r\n;1\r\n\n\r\n;0\r\n", "$'abcdef\\0a'" },
        { "$?\r\n;3\r\nabc\r\n", "wait" },
        { "*1\r\n$?\r\n;1\r\nx\r\n;0\r\n", "*[$'x']" },
        { "*?\r\n$?\r\n;1\r\nx\r\n;0\r\n.\r\n", "*[$'x']" },
        { "*?\r\n.\r\n", "*[]" },
        { "%?\r\n.\r\n", "%[]" },
        { "~?\r\n.\r\n", "~[]" },
        { "~?\r\n#t\r\n,1\r\n.\r\n", "~[true ,1]" },
        { "*?\r\n*?\r\n:1\r\n.\r\n%?\r\n:1\r\n*?\r\n.\r\n.\r\n.\r\n", "*[*[1] %[1 *[]]]" },
        { "*2\r\n*?\r\n.\r\n:1\r\n", "*[*[] 1]" },
        { "*?\r\n*1\r\n:1\r\n*0\r\n.\r\n", "*[*[1] *[]]" },
        { "*?\r\n:1\r\n", "wait" },
        { "*?\r\n:1\r\n.", "wait" },
        { "*3\r\n$-1\r\n*-1\r\n_\r\n", "*[null$ null* null]" },
        { "*00002\r\n:1\r\n:2\r\n", "*[1 2]" },
        { "*1\r\n*0\r\n", "*[*[]]" },
        { "*2\r\n*1\r\n*1\r\n:1\r\n:2\r\n", "*[*[*[1]] 2]" },
        { "%1\r\n+a\r\n%1\r\n*0\r\n~0\r\n", "%[+'a' %[*[] ~[]]]" },
        { "%2\r\n+a\r\n:1\r\n+a\r\n:2\r\n", "%[+'a' 1 +'a' 2]" },
        { "~2\r\n+a\r\n+a\r\n", "~[+'a' +'a']" },
        { ",0\r\n", ",0" },
        { ",-0\r\n", ",-0" },
        { ",+1\r\n", ",1" },
        { ",10\r\n", ",10" },
        { ",0.1\r\n", ",0.1" },
        { ",3.141\r\n", ",3.141" },
        { ",1E5\r\n", ",100000" },
        { ",1e+5\r\n", ",100000" },
        { ",-1.25e-3\r\n", ",-0.00125" },
        { ",1e999\r\n", ",Infinity" },
        { ",5e-324\r\n", ",5E-324" },
        { ",1.7976931348623157e308\r\n", ",1.7976931348623157E+308" },
        { ",0.30000000000000004\r\n", ",0.30000000000000004" },
        { ",100000000000000000000000000000000000000000000000000000000000000000000000000.5\r\n", ",1E+74" },
        { ",i", "wait" },
        { ",-in", "wait" },
        { ",na", "wait" },
        { ",1.", "wait" },
        { ",1e", "wait" },
        { ",1e-", "wait" },
        { "(0\r\n", "(0" },
        { "(-12345678901234567890\r\n", "(-12345678901234567890" },
        { "(+1\r\n", "(1" },
        { "!0\r\n\r\n", "!''" },
        { "!5\r\na\r\nb \r\n", "!'a\\0d\\0ab '" },
        { "=4\r\ntxt:\r\n", "=txt''" },
        { "=4\r\ntx", "wait" },
        { "=8\r\nmkd:# h\n\r\n", "=mkd'# h\\0a'" },
        { "=5\r\n::::a\r\n", "=:::'a'" },
        { "=5\r\n\0\r\n:\n\r\n", "=\0\r\n'\\0a'" },
        { "|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n:3\r\n", "|[+'a' 1 +'b' 2]3" },
        { "|0\r\n|0\r\n|0\r\n:3\r\n", "3" },
        { "|1\r\n|1\r\n+x\r\n:0\r\n+a\r\n|1\r\n+y\r\n:9\r\n:1\r\n:3\r\n", "|[|[+'x' 0]+'a' |[+'y' 9]1]3" },
        { "|1\r\n+a\r\n*2\r\n:1\r\n:2\r\n*1\r\n|1\r\n+b\r\n_\r\n$-1\r\n", "|[+'a' *[1 2]]*[|[+'b' null]null$]" },
        { "%1\r\n|1\r\n+a\r\n:1\r\n+k\r\n|1\r\n+b\r\n:2\r\n+v\r\n", "%[|[+'a' 1]+'k' |[+'b' 2]+'v']" },
        { "*?\r\n|1\r\n+a\r\n:1\r\n:5\r\n.\r\n", "*[|[+'a' 1]5]" },
        { "|1\r\n+a\r\n*?\r\n:1\r\n.\r\n_\r\n", "|[+'a' *[1]]null" },
        { "|1\r\n$?\r\n;1\r\na\r\n;0\r\n%?\r\n.\r\n+OK\r\n", "|[$'a' %[]]+'OK'" },
        { "|0\r\n", "wait" },
        { "*1\r\n|0\r\n", "wait" },
        { "|1\r\n+a\r\n:1\r\n-ERR x\r\n", "|[+'a' 1]-'ERR x'" },
        { "*1\r\n>1\r\n+a\r\n>1\r\n+b\r\n:1\r\n", "*[1] lifted >[+'a'] >[+'b']" },
        { "%1\r\n>0\r\n+k\r\n>1\r\n+b\r\n:1\r\n", "%[+'k' 1] lifted >[] >[+'b']" },
        { "*?\r\n>1\r\n+a\r\n:1\r\n>1\r\n+b\r\n.\r\n", "*[1] lifted >[+'a'] >[+'b']" },
        { "*1\r\n*1\r\n>1\r\n*1\r\n:9\r\n:1\r\n", "*[*[1]] lifted >[*[9]]" },
        { "*2\r\n:1\r\n|1\r\n+a\r\n:1\r\n>1\r\n+p\r\n:2\r\n", "*[1 2] lifted >[+'p']" },
        { "*1\r\n>1\r\n|1\r\n+a\r\n:1\r\n+p\r\n:2\r\n", "*[2] lifted >[|[+'a' 1]+'p']" },
        { "*?\r\n|1\r\n+a\r\n:1\r\n>1\r\n+p\r\n.\r\n", "*[] lifted >[+'p']" },
        { "*2\r\n%?\r\n:1\r\n|0\r\n|1\r\n+a\r\n_\r\n>0\r\n|0\r\n>0\r\n|1\r\n+b\r\n_\r\n:2\r\n|0\r\n>0\r\n.\r\n+x\r\n", "*[%[1 |[+'b' null]2] +'x'] lifted >[] >[] >[]" },
        { "*1\r\n:1\r\n>1\r\n+p\r\n", "*[1] ; >[+'p']" },
        { ">1\r\n*1\r\n*1\r\n:1\r\n", ">[*[*[1]]]" },
    };

    public static TheoryData<string> Outside { get; } = new()
    {
        "a", " ", "\r\n", "\n", "+OK\r\r", "+OK\rX", "-ERR\nx\r\n",
        ":\n", ":--1\r\n", ":+-1\r\n", ":1 \r\n", ": 1\r\n", ":1.0\r\n", ":0x1\r\n", ":-9223372036854775809\r\n", ":99999999999999999999\r\n", ":1\n\r\n", ":1\rx",
        "$\r\n", "$x\r\n", "$-\r\n", "$-0\r\n", "$-01\r\n", "$-10\r\n", "$1x\r\n", "$??\r\n", "$?1\r\n", "$1\n", "$1\r\nab", "$1\r\na\n", "$0\r\nx", "$0\r\n\rx",
        "*\r\n", "*x", "*+1\r\n", "*-0\r\n", "*-11\r\n", "*1.\r\n", "*1\r\n.\r\n", "*2\r\n:1\r\n.\r\n", "*1\r\n;1\r\n", "*1\r\nx",
        "~-1\r\n", "%-", ">-1\r\n", "|-1\r\n", "!-1\r\n", "=-1\r\n", ";-1\r\n", ">?\r\n", "|?\r\n", "!?\r\n", "=?\r\n", "%?\r\n:1\r\n|0\r\n.\r\n",
        "_ \r\n", "#\r\n", "#T\r\n", "#1\r\n", "#t \r\n",
        ",x", ",1.\r\n", ",.5\r\n", ",1e\r\n", ",1e+\r\n", ",1.5.\r\n", ",--1\r\n", ",+inf\r\n", ",infinity\r\n", ",Inf\r\n", ",NaN\r\n", ",inf1\r\n", ",in\r\n", ",1e5.\r\n", ", 1\r\n", ",1 \r\n", ",-\r\n",
        "(\r\n", "(-\r\n", "(1.5\r\n", "(1e5\r\n", "(inf\r\n", "( 1\r\n",
        "=0\r\n", "=4\r\ntxt;", "=5\r\ntxtx:",
        "$?\r\n;1\r\nab", "$?\r\n$1\r\n", "$?\r\n.\r\n", "$?\r\n;?\r\n", "$?\r\n;\r\n", "$?\r\n|1\r\n", "$?\r\n>1\r\n", "$?\r\n;x",
        "*?\r\n|1\r\n+a\r\n:1\r\n.\r\n", "*?\r\n|0\r\n.", "*?\r\n.x", "*?\r\n:1\r\n;0\r\n", "|1\r\n.\r\n", "|1\r\n>1\r\n+p\r\n", ">1\r\n>1\r\n+p\r\n", ">1\r\n*1\r\n>0\r\n",
        "\u0016\u0003\u0001", "GET / HTTP/1.1\r\n", "SSH-2.0-OpenSSH\r\n", "{\"a\":1}", "\u00ff",
    };

    [Theory]
    [MemberData(nameof(Inside))]
    public void What_the_grammar_allows_is_read_however_it_is_cut(string bytes, string outcome) => VectorRun.Assert(bytes, outcome);

    [Theory]
    [MemberData(nameof(Outside))]
    public void What_the_grammar_does_not_allow_is_refused_however_it_is_cut(string bytes) => VectorRun.Assert(bytes, "kill");

    // The same inside an aggregate and behind replies: the fault is found there too, and what came before it is delivered.
    [Theory]
    [MemberData(nameof(Outside))]
    public void A_fault_inside_an_aggregate_is_found(string bytes)
    {
        // What ends a streamed value or is a reply's beginning may be right there; those have vectors of their own.
        byte[] nested = Chunkings.Bytes("+before\r\n*2\r\n:1\r\n" + bytes);
        Outcome outcome = Chunkings.AssertSame(nested, RespLimits.Default);
        Assert.True(outcome.Rejected);
        Assert.Equal(["+'before'"], outcome.Values);
    }
}
