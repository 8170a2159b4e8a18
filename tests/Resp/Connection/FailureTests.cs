using System.Diagnostics;
using System.IO.Pipelines;
using Sluice.Resp.Connection;
using Xunit;

#pragma warning disable CA2012 // what the tests are about: tasks that are kept, and awaited later

namespace Sluice.Resp.Tests.Connection;

/// <summary>A connection dies once and as a whole; every command in it learns what is known; the link goes on.</summary>
public sealed class FailureTests(ITestOutputHelper output)
{
    // The clock of time-outs is coarse: as old as a tick of the kernel.
    private const int Tick = 20;

    // From the first byte that makes no sense on, every reply could be another command's.
    [Theory]
    [InlineData(Wire.Sockets, "HTTP/1.1 400 Bad Request\r\n")]
    [InlineData(Wire.Pipes, "$5\r\nhelloXX")]
    [InlineData(Wire.Streams, ":12x\r\n")]
    [InlineData(Wire.Sockets, "$5\r\nhel")]
    [InlineData(Wire.Pipes, "*2\r\n:1\r\n")]
    [InlineData(Wire.Streams, "")]
    public async Task Garbage_or_an_end_in_the_middle_kills_the_connection_and_classifies_what_was_pending(Wire wire, string bytes)
    {
        await using ScriptedServer server = new(wire);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        ValueTask<long> answered = link.Int64("ECHO", "1");
        Task<long>[] pending = [.. Enumerable.Range(0, 50).Select(_ => link.Int64("ECHO", "2").AsTask())];
        await session.SendAsync(":1\r\n");
        Assert.Equal(1, await answered.Soon());

        await session.SendAsync(bytes);
        if (bytes.Length < 12)
            session.Dispose();

        foreach (Task<long> lost in pending)
            Assert.Equal(CommandOutcome.Unknown, (await Assert.ThrowsAsync<RespConnectionException>(() => lost.Soon())).Outcome);
        ServerSession second = await server.AcceptAsync();
        ValueTask<long> next = link.Int64("ECHO", "3");
        await second.SendAsync(":3\r\n");
        Assert.Equal(3, await next.Soon());
    }

    // A reply too many means that client and server disagree about who answers whom.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task A_reply_that_nobody_waits_for_kills_the_connection(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        ValueTask<long> answered = link.Int64("ECHO", "1");
        await session.SendAsync(":1\r\n:2\r\n");

        Assert.Equal(1, await answered.Soon());
        await server.AcceptAsync();
        await Patience.UntilAsync(() => link.Link.LastFault is RespProtocolException, "the fault is on record");
    }

    // "Not sent" is a promise on which callers repeat what must not happen twice.
    [Fact]
    public async Task What_was_handed_to_the_transport_is_unknown_and_what_waited_behind_it_was_not_sent()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();

        // More than the pipe takes before it is read: the writer waits, and everything later waits for the writer.
        ValueTask<long> large = link.Int64("SET", new string('x', 200_000));
        Task<long>[] behind = [.. Enumerable.Range(0, 10).Select(_ => link.Int64("ECHO", "1").AsTask())];
        session.Dispose();

        Assert.Equal(CommandOutcome.Unknown, (await Assert.ThrowsAsync<RespConnectionException>(() => large.Soon())).Outcome);
        foreach (Task<long> unsent in behind)
            Assert.Equal(CommandOutcome.NotSent, (await Assert.ThrowsAsync<RespConnectionException>(() => unsent.Soon())).Outcome);
    }

    // The peer's machine is gone without a word: TCP would notice in a quarter of an hour.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task A_silent_peer_is_noticed_on_an_idle_connection(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Connection = terms.Connection with { PingAfter = 100, PeerTimeout = 300 } });
        // Before there is a connection: however late this test is given the processor, it has not waited for less than the connection.
        Stopwatch idle = Stopwatch.StartNew();
        await link.OpenAsync();
        ServerSession first = await server.AcceptAsync();
        await first.ExpectAsync("PING");

        await server.AcceptAsync(); // nobody answered: the link dialled again

        output.WriteLine($"noticed after {idle.ElapsedMilliseconds} ms");
        Assert.True(idle.ElapsedMilliseconds >= 100 + 300 - Tick, $"{idle.ElapsedMilliseconds} ms");
        Assert.Contains("the peer is gone", link.Link.LastFault!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task A_silent_peer_is_noticed_with_a_command_pending(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Connection = terms.Connection with { PeerTimeout = 300 } });
        await link.OpenAsync();

        Stopwatch pending = Stopwatch.StartNew();
        RespConnectionException lost = await Assert.ThrowsAsync<RespConnectionException>(() => link.Int64("ECHO", "1").Soon());

        output.WriteLine($"noticed after {pending.ElapsedMilliseconds} ms");
        Assert.Equal(CommandOutcome.Unknown, lost.Outcome);
        Assert.True(pending.ElapsedMilliseconds >= 300 - Tick, $"{pending.ElapsedMilliseconds} ms");
    }

    // Nobody asks a server for more than that it answers, however seldom it is asked.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task A_peer_that_answers_is_left_alone_however_idle(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        int pings = 0;
        TaskCompletionSource enough = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = server.ServeAsync(_ =>
        {
            if (++pings == 10)
                enough.SetResult();
            return "+PONG\r\n";
        });
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Connection = terms.Connection with { PingAfter = 50, PeerTimeout = 10_000 } });
        await link.OpenAsync();

        await enough.Task.Soon();

        Assert.Equal(1, link.Link.Openings);
    }

    // A server that is slow to say hello must not find commands between the handshake's: their replies would be taken for the handshake's.
    [Fact]
    public async Task Nothing_comes_between_a_slow_handshake_and_its_replies()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        Greeting greeting = new();
        await using LinkUnderTest link = LinkUnderTest.To(server, terms => terms with { Handshake = greeting, Connection = terms.Connection with { PingAfter = 50, PeerTimeout = 100 } });
        ValueTask<long> waits = link.Int64("ECHO", "1");
        ServerSession session = await server.AcceptAsync();
        await session.ExpectAsync("HELLO", "0");
        await Task.Delay(400);
        await session.SendAsync("+0\r\n");
        await session.ExpectAsync("HELLO", "1");
        await Task.Delay(400);
        await session.SendAsync("+1\r\n");

        await session.ExpectAsync("ECHO", "1");
        await session.SendAsync(":1\r\n");
        Assert.Equal(1, await waits.Soon());
        Assert.Equal(["0", "1"], greeting.Replies);
    }

    // A server that accepts and never speaks is no server.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task A_handshake_that_takes_too_long_ends_and_the_link_dials_again(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Handshake = new Greeting(), ConnectTimeout = TimeSpan.FromMilliseconds(200) });
        RespConnectionException late = await Assert.ThrowsAsync<RespConnectionException>(() => link.OpenAsync());
        Assert.Contains("handshake", late.Message, StringComparison.Ordinal);
        await server.AcceptAsync();
        ServerSession second = await server.AcceptAsync();
        _ = second.ServeAsync(static command => $":{command[1]}\r\n");
        Assert.Equal(1, await link.Int64("ECHO", "1").Soon());
    }

    // The link's thread is the connection: whatever it calls may fail, and it goes on.
    [Fact]
    public async Task Listeners_and_transports_that_throw_do_not_end_the_link()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        _ = server.EachAsync((number, session) =>
        {
            int left = number < 12 ? 3 : int.MaxValue;
            _ = session.ServeAsync(command =>
            {
                if (--left == 0)
                    session.Dispose();
                return left == 2 && command[1] == "5" ? ">1\r\n+boo\r\n:5\r\n" : $":{command[1]}\r\n";
            });
        });
        Angry angry = new();
        RespPipeTransport transport = new(async (endpoint, cancellation) => new Grumpy(await server.Transport.ConnectAsync(endpoint, cancellation)));
        await using LinkUnderTest link = LinkUnderTest.To(
            transport, server.Endpoint, static terms => terms with { BackoffFirst = TimeSpan.FromMilliseconds(1), BackoffCap = TimeSpan.FromMilliseconds(2) }, angry);
        int answered = 0;
        while (answered < 100)
        {
            try
            {
                Assert.Equal(5, await link.Int64("ECHO", "5").Soon());
                answered++;
            }
            catch (RespConnectionException)
            {
                // the connection of which somebody complained
            }
        }

        Assert.True(angry.Complaints > 3);
    }

    // Whoever closes the client waits for it: at no moment of its life may that take long, or leave something behind.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task Disposing_at_any_moment_ends_soon_and_settles_everything(Wire wire)
    {
        Random random = new(11);
        double longest = 0;
        for (int round = 0; round < 60; round++)
        {
            await using ScriptedServer server = new(wire);
            bool silent = round % 5 == 0;
            _ = server.ServeAsync(command => silent ? null : $":{command[1]}\r\n");
            LinkUnderTest link = LinkUnderTest.To(server, terms => terms with { Handshake = new Greeting(), Connection = terms.Connection with { RingSize = 16 } });
            List<Task<long>> replies = [];
            int commands = random.Next(200);
            for (int n = 0; n < commands; n++)
                replies.Add(link.Int64("ECHO", "1").AsTask());
            if (round % 3 != 0)
                await Task.Delay(random.Next(4));
            else
                Thread.SpinWait(random.Next(50_000));

            Stopwatch took = Stopwatch.StartNew();
            await Task.WhenAll(link.Link.DisposeAsync().Soon(), link.Link.DisposeAsync().Soon());
            longest = Math.Max(longest, took.Elapsed.TotalMilliseconds);
            foreach (Task<long> reply in replies)
            {
                try
                {
                    Assert.Equal(1, await reply.Soon());
                }
                catch (RespConnectionException)
                {
                    // closed before its reply
                }
            }

            await Assert.ThrowsAsync<RespConnectionException>(() => link.Int64("ECHO", "1").Soon());
            await link.DisposeAsync(); // and every slot is free
        }

        output.WriteLine($"longest: {longest:F0} ms");
        Assert.True(longest < 3000, $"{longest} ms");
    }

    // After the end nobody looks at the dispatcher any more; the first of many failed callers must not hold up the rest for ever.
    [Fact]
    public async Task Callers_that_block_in_their_failure_do_not_hold_up_the_others_after_the_end()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        LinkUnderTest link = await LinkUnderTest.To(server).OpenAsync();
        using CountdownEvent all = new(20);
        Task[] callers = [.. Enumerable.Range(0, 20).Select(_ => BlockAsync(link.Int64("ECHO", "1")))];

        await link.Link.DisposeAsync().Soon();

        await Task.WhenAll(callers).Soon();
        Task[] later = [.. Enumerable.Range(0, 3).Select(_ => BlockAsync(link.Int64("ECHO", "1")))];
        await Task.WhenAll(later).Soon();
        await link.DisposeAsync();

        async Task BlockAsync(ValueTask<long> reply)
        {
            await Task.Yield();
            try
            {
                await reply.ConfigureAwait(false);
            }
            catch (RespConnectionException)
            {
                if (!all.IsSet)
                    all.Signal();
                Assert.True(all.Wait(Patience.Long)); // each waits for all the others
            }
        }
    }

    /// <summary>Two round trips, one reply each.</summary>
    private sealed class Greeting : LinkHandshake
    {
        public List<string> Replies { get; } = [];

        public override void Perform(RespConnection connection)
        {
            for (int round = 0; round < 2; round++)
                connection.Exchange(LinkUnderTest.Frame("HELLO", $"{round}"), 1, (int _, ref RespReader reply) => Replies.Add(reply.ReadString()!));
        }
    }

    /// <summary>Throws whatever it is told, now and then.</summary>
    private sealed class Angry : ILinkListener
    {
        private int _calls;

        public int Complaints { get; private set; }

        public void OnOpened(RespLink link, RespConnection connection) => Complain();

        public void OnClosed(RespLink link, Exception reason) => Complain();

        public void OnPush(RespLink link, ref RespReader push) => Complain();

        private void Complain()
        {
            if (++_calls % 2 == 0)
                return;
            Complaints++;
            throw new InvalidOperationException("I am angry.");
        }
    }

    /// <summary>A duplex that breaks its contract: its end throws.</summary>
    private sealed class Grumpy(IRespDuplex inner) : IRespDuplex
    {
        public PipeReader Input => inner.Input;

        public PipeWriter Output => inner.Output;

        public void Shutdown()
        {
            inner.Shutdown();
            throw new InvalidOperationException("I don't shut down.");
        }

        public async ValueTask DisposeAsync()
        {
            await inner.DisposeAsync();
            throw new IOException("I am not disposed.");
        }
    }
}
