using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using Sluice.Harness.Faults;
using Sluice.Resp.Connection;
using Xunit;

#pragma warning disable CA2012 // what the tests are about: tasks that are kept, and awaited later

namespace Sluice.Resp.Tests.Connection;

/// <summary>What the clock notices, and what it says.</summary>
public sealed class WatchingTests
{
    // A peer from which pushes come, whole or byte by byte, but never an answer, kept its commands waiting for ever.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_peer_that_sends_pushes_but_answers_nothing_is_given_up(bool whole)
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Connection = terms.Connection with { PingAfter = 100, PeerTimeout = 400 } });
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        Task<long> waits = link.Int64("ECHO", "1").AsTask();

        using CancellationTokenSource over = new();
        const string Push = ">1\r\n+news\r\n";
        Task trickling = TrickleAsync(session, whole ? [Push] : [.. Push.Select(static one => one.ToString())], over.Token);

        RespConnectionException lost = await Assert.ThrowsAsync<RespConnectionException>(() => waits.Soon());
        await over.CancelAsync();
        await trickling.Soon();
        Assert.Equal(CommandOutcome.Unknown, lost.Outcome);
        Assert.Contains("No reply was completed", lost.Message, StringComparison.Ordinal);
    }

    // A large value over a slow line takes as long as it takes.
    [Fact]
    public async Task A_large_reply_that_comes_slowly_is_no_dead_peer()
    {
        const int Part = 80_000, Parts = 12;
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Connection = terms.Connection with { PeerTimeout = 600 } });
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        ValueTask<string?> large = link.Text("GET", "large");

        await session.SendAsync($"${Part * Parts}\r\n");
        for (int n = 0; n < Parts; n++)
        {
            await Task.Delay(150);
            await session.SendAsync(new string('x', Part));
        }

        await session.SendAsync("\r\n");
        Assert.Equal(Part * Parts, (await large.Soon())!.Length);
    }

    // Less than 64 KiB within two time-outs once counted as nothing at all: a slow line lost every larger value for ever, at the same place.
    [Fact]
    public async Task A_value_that_comes_a_byte_at_a_time_is_no_dead_peer()
    {
        const int Length = 100;
        TimeSpan pause = TimeSpan.FromMilliseconds(40);
        await using ScriptedServer server = new(Wire.Sockets);
        _ = server.ServeAsync(static _ => $"${Length}\r\n{new string('x', Length)}\r\n");
        await using FaultProxy proxy = new(
            new IPEndPoint(IPAddress.Loopback, server.Endpoint.Port), _ => new ConnectionFaults(DirectionFaults.None, new DirectionFaults { Trickle = true, TricklePause = pause }));
        await using LinkUnderTest link = LinkUnderTest.To(
            new RespSocketTransport(), RespEndpoint.Tcp("127.0.0.1", proxy.Endpoint.Port), static terms => terms with { Connection = terms.Connection with { PingAfter = 100, PeerTimeout = 1000 } });
        await link.OpenAsync();

        long began = Environment.TickCount64;
        Assert.Equal(Length, (await link.Text("GET", "slow").Soon())!.Length);

        // Or else it proves nothing: longer than a peer may take that answers nothing.
        Assert.True(Environment.TickCount64 - began > 2 * 1000, "It was not slow.");
        Assert.Equal(1, link.Link.Openings);
    }

    // A clock at rest looks ten times a second: what it then finds in flight was taken for as old as its last look, and a peer with less time than that was gone at once.
    [Fact]
    public async Task A_command_behind_a_rest_gets_the_peers_whole_time()
    {
        const int PeerTimeout = 50, Rest = 100;
        Pipe toServer = new(), toClient = new();
        await using IRespDuplex duplex = await new RespPipeTransport((_, _) => ValueTask.FromResult<IDuplexPipe>(new Pair(toClient.Reader, toServer.Writer)))
            .ConnectAsync(RespEndpoint.Tcp("in.memory", 1), CancellationToken.None);
        RespClock clock = new();
        ReplyDispatcher dispatcher = new(clock);
        SlotPool slots = new(16);
        RespConnection connection = new(duplex, new ConnectionTerms { RingSize = 16, PingAfter = 0, PeerTimeout = PeerTimeout }, new Nobody(), dispatcher, slots, clock);
        long now = RespClock.Now;
        connection.Tick(now);
        ReplySlot slot = slots.Rent();
        slot.Begin(dispatcher, ReplyKind.Nothing, long.MaxValue, SendTerms.NoLimit);
        ValueTask reply = new(slot, slot.Token);
        Assert.Equal(EnqueueOutcome.Enqueued, connection.TryEnqueue("*1\r\n$4\r\nPING\r\n"u8, slot));

        connection.Tick(now + Rest);
        connection.Tick(now + Rest + PeerTimeout);
        Assert.Null(connection.Fault);
        connection.Tick(now + Rest + PeerTimeout + 1);
        Assert.NotNull(connection.Fault);

        connection.FailRest();
        Assert.Equal(CommandOutcome.Unknown, (await Assert.ThrowsAsync<RespConnectionException>(() => reply.Soon())).Outcome);
    }

    // The reader's thread may be held up after the fault; callers with a deadline don't wait for it.
    [Fact]
    public async Task A_deadline_holds_on_a_connection_that_is_dead_and_whose_reader_has_not_noticed()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        SlowToEnd transport = new(server.Transport);
        await using LinkUnderTest link = LinkUnderTest.To(transport, server.Endpoint);
        await link.OpenAsync();
        ValueTask<long> waits = link.Int64(new SendTerms(200, default), "ECHO", "1");
        link.Link.Current!.Fail(new RespConnectionException("broken"));

        Task<RespTimeoutException> late = Assert.ThrowsAsync<RespTimeoutException>(() => waits.Soon());
        await Task.WhenAny(late, Task.Delay(5000));
        bool inTime = late.IsCompleted;
        transport.End();

        Assert.True(inTime, "The deadline waited for the reader.");
        await late;
    }

    // Tens of thousands of commands late at once: a look at the thread pool and at two locks for each of them is time that other links' deadlines don't have.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Commands_that_are_late_together_share_one_look_at_the_connection(bool sent)
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server, terms => terms with { Connection = terms.Connection with { RingSize = sent ? 2048 : 1 } });
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        Task<long> first = link.Int64("ECHO", "1").AsTask();
        Task<long>[] all = [.. Enumerable.Range(0, 1000).Select(_ => link.Int64(new SendTerms(300, default), "SLOW").AsTask())];

        HashSet<object> states = new(ReferenceEqualityComparer.Instance);
        foreach (Task<long> one in all)
        {
            RespTimeoutException late = await Assert.ThrowsAsync<RespTimeoutException>(() => one.Soon());
            Assert.Equal(sent ? CommandOutcome.Unknown : CommandOutcome.NotSent, late.Outcome);
            states.Add(late.State!);
        }

        Assert.InRange(states.Count, 1, 250);
        await session.SendAsync(":1\r\n" + (sent ? string.Concat(Enumerable.Repeat(":0\r\n", 1000)) : ""));
        Assert.Equal(1, await first.Soon());
        Assert.Equal(0, link.Link.Snapshot().Backlog);
    }

    // "backlog 0" in the message of a time-out behind which thousands wait sends whoever reads it the wrong way.
    [Fact]
    public async Task The_message_of_a_time_out_knows_the_backlog_and_blames_no_connection_of_the_past()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Connection = terms.Connection with { RingSize = 1 } });
        await link.OpenAsync();
        (await server.AcceptAsync()).Dispose();
        await Patience.UntilAsync(() => link.Link.Openings == 2, "the link dialled again");
        Assert.NotNull(link.Link.LastFault);
        ServerSession session = await server.AcceptAsync();

        Task<long> sent = link.Int64(new SendTerms(100, default), "ECHO", "1").AsTask();
        Task<long> waits = link.Int64(new SendTerms(600, default), "ECHO", "2").AsTask();
        Task<long> stays = link.Int64("ECHO", "3").AsTask();

        RespTimeoutException first = await Assert.ThrowsAsync<RespTimeoutException>(() => sent.Soon());
        RespTimeoutException second = await Assert.ThrowsAsync<RespTimeoutException>(() => waits.Soon());
        Assert.Equal(2, first.State!.Backlog);
        Assert.Equal(CommandOutcome.NotSent, second.Outcome);
        Assert.Equal(1, second.State!.Backlog);
        Assert.Null(second.InnerException);
        await session.SendAsync(":1\r\n");
        await session.ExpectAsync("ECHO", "1");
        await session.ExpectAsync("ECHO", "3");
        await session.SendAsync(":3\r\n");
        Assert.Equal(3, await stays.Soon());
    }

    // A system without threads to give, for a moment: the link must not take itself for started for ever after.
    [Fact]
    public async Task A_link_that_got_no_thread_says_so_and_starts_the_next_time()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        _ = server.ServeAsync(static command => $":{command[1]}\r\n");
        int starts = 0;
        await using LinkUnderTest link = LinkUnderTest.To(server, terms => terms with
        {
            StartThread = thread =>
            {
                if (++starts <= 2)
                    throw new IOException("no thread");
                thread.UnsafeStart();
            },
        });

        Assert.Equal(CommandOutcome.NotSent, (await Assert.ThrowsAsync<RespConnectionException>(() => link.OpenAsync())).Outcome);
        Assert.Equal(CommandOutcome.NotSent, (await Assert.ThrowsAsync<RespConnectionException>(() => link.Int64("ECHO", "1").Soon())).Outcome);
        Assert.Equal(2, await link.Int64("ECHO", "2").Soon());
        Assert.Equal(3, starts);
    }

    private static async Task TrickleAsync(ServerSession session, string[] pieces, CancellationToken over)
    {
        try
        {
            for (int n = 0; !over.IsCancellationRequested; n++)
            {
                await Task.Delay(30, CancellationToken.None);
                await session.SendAsync(pieces[n % pieces.Length]);
            }
        }
        catch (Exception gone) when (gone is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The client has given up.
        }
    }

    private sealed record Pair(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class Nobody : IConnectionOwner
    {
        public int Backlog => 0;

        public void OnPush(RespConnection connection, ref RespReader push)
        {
        }

        public void OnRoom()
        {
        }
    }

    /// <summary>Ends the read when the test says so.</summary>
    private sealed class SlowToEnd(IRespTransport inner) : IRespTransport
    {
        private readonly ConcurrentDictionary<Duplex, bool> _made = new();
        private bool _ends;

        public async ValueTask<IRespDuplex> ConnectAsync(RespEndpoint endpoint, CancellationToken cancellationToken)
        {
            Duplex duplex = new(this, await inner.ConnectAsync(endpoint, cancellationToken));
            _made.TryAdd(duplex, true);
            return duplex;
        }

        public void End()
        {
            Volatile.Write(ref _ends, true);
            foreach (Duplex duplex in _made.Keys)
                duplex.Shutdown();
        }

        private sealed class Duplex(SlowToEnd owner, IRespDuplex inner) : IRespDuplex
        {
            public PipeReader Input => inner.Input;

            public PipeWriter Output => inner.Output;

            public void Shutdown()
            {
                if (Volatile.Read(ref owner._ends))
                    inner.Shutdown();
            }

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
