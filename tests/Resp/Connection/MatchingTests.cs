using Sluice.Resp.Connection;
using Xunit;

#pragma warning disable CA2012 // what the tests are about: tasks that are kept, and awaited later

namespace Sluice.Resp.Tests.Connection;

/// <summary>A reply reaches the command that it answers, whole, or nobody.</summary>
public sealed class MatchingTests
{
    // A reply too many must not answer a command that the server has not even seen, nor make it look as if it had run.
    [Fact]
    public async Task A_reply_too_many_settles_no_command_that_was_not_handed_to_the_transport()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();

        // More than the pipe takes before it is read: the writer waits, and what comes later waits for the writer.
        ValueTask<long> large = link.Int64("SET", new string('x', 200_000));
        ValueTask<long> behind = link.Int64("ECHO", "2");
        await session.SendAsync(":1\r\n:2\r\n");

        Assert.Equal(1, await large.Soon());
        Assert.Equal(CommandOutcome.NotSent, (await Assert.ThrowsAsync<RespConnectionException>(() => behind.Soon())).Outcome);
        await Patience.UntilAsync(() => link.Link.LastFault is RespProtocolException, "the fault is on record");
    }

    // SUBSCRIBE sent as any other command: its answer is a push, so the next command's reply would be taken for it.
    [Theory]
    [InlineData(">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")]
    [InlineData(">3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n")]
    [InlineData(">3\r\n$10\r\npsubscribe\r\n$1\r\na\r\n:1\r\n")]
    [InlineData(">3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n")]
    [InlineData(">3\r\n$12\r\npunsubscribe\r\n_\r\n:0\r\n")]
    [InlineData(">3\r\n$12\r\nsunsubscribe\r\n_\r\n:0\r\n")]
    [InlineData(">3\r\n+subscribe\r\n+a\r\n:1\r\n")]
    public async Task A_subscription_on_a_connection_for_commands_kills_it_before_replies_shift(string confirmation)
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        ValueTask<long> before = link.Int64("ECHO", "1");
        ValueTask<long> subscribes = link.Int64("SUBSCRIBE", "a");
        ValueTask<long> after = link.Int64("ECHO", "2");

        await session.SendAsync($":1\r\n{confirmation}:2\r\n");

        Assert.Equal(1, await before.Soon());
        Assert.Equal(CommandOutcome.Unknown, (await Assert.ThrowsAsync<RespConnectionException>(() => subscribes.Soon())).Outcome);
        Assert.Equal(CommandOutcome.Unknown, (await Assert.ThrowsAsync<RespConnectionException>(() => after.Soon())).Outcome);
        await Patience.UntilAsync(() => link.Link.LastFault is RespProtocolException, "the fault is on record");
    }

    // What is no confirmation is the listener's; and a connection for messages lives on them.
    [Theory]
    [InlineData(false, ">2\r\n$10\r\ninvalidate\r\n_\r\n>0\r\n>1\r\n*1\r\n+subscribe\r\n>1\r\n:5\r\n")]
    [InlineData(true, ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n")]
    public async Task Other_pushes_and_subscriptions_where_they_belong_leave_the_connection_alone(bool takes, string pushes)
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server, terms => terms with { Connection = terms.Connection with { TakesSubscriptions = takes } });
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        ValueTask<long> reply = link.Int64("ECHO", "1");

        await session.SendAsync($"{pushes}:1\r\n");

        Assert.Equal(1, await reply.Soon());
        Assert.Null(link.Link.LastFault);
    }

    // A collector that is cleared while its replies are under way: they are under way all the same, and belong to nobody else.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_collector_that_expects_less_meanwhile_leaves_no_reply_to_the_next_command(int cleared)
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        ValueTask collected = link.Collected(new Forgetful(3, cleared), default, "THREE");
        ValueTask<long> next = link.Int64("ECHO", "4");

        await session.SendAsync(":1\r\n:2\r\n:3\r\n:4\r\n");

        await collected.Soon();
        Assert.Equal(4, await next.Soon());
    }

    // The server's remarks about a whole reply (how often the key is read, for how long it may be kept) are in front of it.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task What_the_server_says_about_a_whole_reply_reaches_the_caller(Wire wire)
    {
        string remark = $"|1\r\n+remark\r\n${200}\r\n{new string('r', 200)}\r\n";
        await using ScriptedServer server = new(wire);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        ValueTask<RespValue> value = link.Value("GET", "a");
        ValueTask<RespLease> frame = link.WholeFrame("GET", "a");
        ValueTask<long> number = link.Int64("GET", "a");

        await session.SendAsync($"{remark}:7\r\n{remark}:8\r\n{remark}:9\r\n");

        RespValue seven = await value.Soon();
        Assert.Equal(RespPrefix.Attribute, seven.Attributes?.Kind);
        using RespLease lease = await frame.Soon();
        Assert.True(ReadFrame(lease, out long eight));
        Assert.Equal(8, eight);
        Assert.Equal(9, await number.Soon());
    }

    private static bool ReadFrame(RespLease lease, out long number)
    {
        RespReader reader = new(lease.Memory.Span);
        number = reader.ReadInt64();
        return reader.TryGetAttributes(out _);
    }

    /// <summary>Expects less as soon as the first reply has come.</summary>
    private sealed class Forgetful(int expected, int afterwards) : ReplyCollector
    {
        private int _expected = expected;

        public override int Expected => _expected;

        public override void Collect(int index, ref RespReader reply) => _expected = afterwards;
    }
}
