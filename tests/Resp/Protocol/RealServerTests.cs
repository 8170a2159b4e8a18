using System.Net.Sockets;
using Sluice.Harness;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>A real redis-server emits every type of both protocols, with pushes between the replies; a bare socket cuts the stream wherever it likes.</summary>
public sealed class RealServerTests
{
    // What Redis 7 answers to DEBUG PROTOCOL in RESP2 and in RESP3.
    private static readonly (string Type, string Resp2, string Resp3)[] Types =
    [
        ("string", "$'Hello World'", "$'Hello World'"),
        ("integer", "12345", "12345"),
        ("double", "$'3.141'", ",3.141"),
        ("null", "null$", "null"),
        ("array", "*[0 1 2]", "*[0 1 2]"),
        ("set", "*[0 1 2]", "~[0 1 2]"),
        ("map", "*[0 0 1 1 2 0]", "%[0 false 1 true 2 false]"),
        ("attrib", "$'Some real reply following the attribute'", "|[$'key-popularity' *[$'key:123' 90]]$'Some real reply following the attribute'"),
        ("push", "-'ERR RESP2 is not supported by this command'", "$'Some real reply following the push reply'"),
        ("verbatim", "$'This is a verbatim\\0astring'", "=txt'This is a verbatim\\0astring'"),
        ("true", "1", "true"),
        ("false", "0", "false"),
        ("bignum", "$'1234567999999999999999999999999999999'", "(1234567999999999999999999999999999999"),
    ];

    private static CancellationToken GiveUp => TestContext.Current.CancellationToken;

    public RealServerTests() => Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_type_arrives_with_pushes_between_the_replies(int protocol)
    {
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync(["--enable-debug-command", "yes"], GiveUp);
        using BareConnection connection = await BareConnection.OpenAsync(server, new Random(protocol), GiveUp);
        await connection.SendAsync(["HELLO", $"{protocol}"]);
        string hello = await connection.ReadReplyAsync();
        Assert.StartsWith(protocol == 3 ? "%[$'server' $'redis'" : "*[$'server' $'redis'", hello, StringComparison.Ordinal);
        if (protocol == 3)
        {
            await connection.SendAsync(["CLIENT", "TRACKING", "ON", "BCAST"]);
            Assert.Equal("+'OK'", await connection.ReadReplyAsync());
        }

        const int Rounds = 20;
        List<string> keys = [];
        for (int round = 0; round < Rounds; round++)
        {
            foreach ((string type, _, _) in Types)
            {
                string key = $"{type}-{round}";
                keys.Add(key);
                await connection.SendAsync(["SET", key, "value"], ["DEBUG", "PROTOCOL", type], ["ECHO", key]);
            }

            foreach ((string type, string resp2, string resp3) in Types)
            {
                Assert.Equal("+'OK'", await connection.ReadReplyAsync());
                Assert.Equal(protocol == 3 ? resp3 : resp2, await connection.ReadReplyAsync());
                Assert.Equal($"$'{type}-{round}'", await connection.ReadReplyAsync());
            }
        }

        // Invalidations leave the server when it has answered all it had read: the answer to a command sent now comes after them.
        await connection.SendAsync(["PING"]);
        Assert.Equal("+'PONG'", await connection.ReadReplyAsync());
        Assert.Equal(protocol == 3 ? Rounds : 0, connection.Pushes.Count(push => push == ">[$'server-cpu-usage' 42]"));
        string invalidations = string.Concat(connection.Pushes.Where(push => push.StartsWith(">[$'invalidate'", StringComparison.Ordinal)));
        Assert.Equal(protocol == 3 ? keys : [], keys.Where(key => invalidations.Contains($"$'{key}'", StringComparison.Ordinal)));
    }

    // What scripts return is where the odd frames of the field come from.
    [Theory]
    [InlineData("return redis.status_reply('')", "+''", "+''")]
    [InlineData("return redis.error_reply('')", null, null)]
    [InlineData("return {1, 'two', false, {3, {}}, 2.9}", "*[1 $'two' null$ *[3 *[]] 2]", "*[1 $'two' null *[3 *[]] 2]")]
    [InlineData("return {double=1/0}", "$'inf'", ",Infinity")]
    [InlineData("return {double=-1/0}", "$'-inf'", ",-Infinity")]
    [InlineData("return {big_number='-12345678901234567890'}", "$'-12345678901234567890'", "(-12345678901234567890")]
    [InlineData("return {verbatim_string={format='mkd', string='# h'}}", "$'# h'", "=mkd'# h'")]
    [InlineData("return {map={a=1}}", "*[$'a' 1]", "%[$'a' 1]")]
    [InlineData("return {set={a=true}}", "*[$'a']", "~[$'a']")]
    [InlineData("return true", "1", "1")]
    public async Task What_a_script_returns_arrives(string script, string? resp2, string? resp3)
    {
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], GiveUp);
        foreach (int protocol in (int[])[2, 3])
        {
            using BareConnection connection = await BareConnection.OpenAsync(server, new Random(protocol), GiveUp);
            await connection.SendAsync(["HELLO", $"{protocol}"], ["EVAL", script, "0"], ["PING"]);
            await connection.ReadReplyAsync();
            string reply = await connection.ReadReplyAsync();
            if (resp2 is null)
                Assert.StartsWith("-'", reply, StringComparison.Ordinal);
            else
                Assert.Equal(protocol == 3 ? resp3 : resp2, reply);
            Assert.Equal("+'PONG'", await connection.ReadReplyAsync());
        }
    }

    [Fact]
    public async Task A_script_that_nests_without_measure_is_refused()
    {
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], GiveUp);
        using BareConnection connection = await BareConnection.OpenAsync(server, new Random(5), GiveUp);
        await connection.SendAsync(["EVAL", "local t = {1} for i = 1, 2000 do t = {t} end return t", "0"]);
        RespProtocolException fault = await Assert.ThrowsAsync<RespProtocolException>(connection.ReadReplyAsync);
        Assert.Contains(nameof(RespLimits.MaxDepth), fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commands_are_understood_byte_by_byte()
    {
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], GiveUp);
        using BareConnection connection = await BareConnection.OpenAsync(server, new Random(6), GiveUp);
        string value = string.Create(3000, 0, (chars, _) => chars.Fill('ü')) + "\r\n\0";
        await connection.SendAsync(["SET", "", value], ["GET", ""], ["STRLEN", ""]);
        Assert.Equal("+'OK'", await connection.ReadReplyAsync());
        Assert.Equal(Notation.Text('$', System.Text.Encoding.UTF8.GetBytes(value)), await connection.ReadReplyAsync());
        Assert.Equal("6003", await connection.ReadReplyAsync());
    }

    /// <summary>A socket, the scanner, and pieces of random size.</summary>
    private sealed class BareConnection(Socket socket, Random random, CancellationToken giveUp) : IDisposable
    {
        private readonly byte[] _received = new byte[1 << 20];
        private FrameScanner _scanner = new(RespLimits.Default);
        private int _from;
        private int _to;

        public List<string> Pushes { get; } = [];

        public static async Task<BareConnection> OpenAsync(PrivateRedisServer server, Random random, CancellationToken giveUp)
        {
            Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(server.EndPoint, giveUp);
            return new BareConnection(socket, random, giveUp);
        }

        public async Task SendAsync(params string[][] commands)
        {
            foreach (string[] command in commands)
                await socket.SendAsync(Format(command), giveUp);
        }

        /// <summary>The next frame that is no push.</summary>
        public async Task<string> ReadReplyAsync()
        {
            while (true)
            {
                if (TryTakeFrame(out string? value, out bool isPush))
                {
                    if (!isPush)
                        return value!;
                    Pushes.Add(value!);
                    continue;
                }

                // Few bytes at a time, so that the cuts are ours.
                int wanted = Math.Min(random.Next(1, 60), _received.Length - _to);
                int count = await socket.ReceiveAsync(_received.AsMemory(_to, wanted), giveUp);
                Assert.NotEqual(0, count);
                _to += count;
            }
        }

        public void Dispose() => socket.Dispose();

        private static byte[] Format(string[] command)
        {
            using RespCommandWriter writer = new(stackalloc byte[16]);
            foreach (string argument in command)
                writer.Write(argument);
            return writer.Complete().ToArray();
        }

        private bool TryTakeFrame(out string? value, out bool isPush)
        {
            value = null;
            isPush = false;
            if (_from == _to || !_scanner.TryScan(_received.AsSpan(_from.._to), out Frame frame))
                return false;
            value = ProductReader.Describe(Segments.Cut(_received.AsMemory(_from, (int)frame.Length), [random.Next(1, (int)frame.Length + 1)]), frame);
            isPush = frame.Prefix == RespPrefix.Push;
            _from += (int)frame.Length;
            return true;
        }
    }
}
