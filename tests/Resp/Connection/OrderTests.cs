using System.Collections.Concurrent;
using System.Globalization;
using Sluice.Resp.Connection;
using Xunit;

#pragma warning disable CA2012 // what the tests are about: tasks that are kept, and awaited later

namespace Sluice.Resp.Tests.Connection;

/// <summary>What one caller sends goes out in that order, and too much of it waits or is refused, never lost and never mixed up.</summary>
public sealed class OrderTests
{
    // "SET a 1, SET a 2" without waiting must end with 2, also when the ring was full or the connection was lost in between.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task Commands_keep_their_order_through_full_ring_backlog_and_reconnect(Wire wire)
    {
        const int Callers = 4, Each = 5000;
        await using ScriptedServer server = new(wire);
        ConcurrentDictionary<int, List<int>> received = new();
        _ = server.EachAsync((number, session) =>
        {
            int left = number < 5 ? 1500 : int.MaxValue;
            _ = session.ServeAsync(command =>
            {
                if (left == 0)
                    return null; // what a dying server still reads
                List<int> own = received.GetOrAdd(int.Parse(command[1], CultureInfo.InvariantCulture), static _ => []);
                lock (own)
                    own.Add(int.Parse(command[2], CultureInfo.InvariantCulture));
                if (--left == 0)
                    session.Dispose();
                return $":{command[2]}\r\n";
            });
        });
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with
        {
            Connection = terms.Connection with { RingSize = 8 },
            BackoffFirst = TimeSpan.FromMilliseconds(1),
            BackoffCap = TimeSpan.FromMilliseconds(2),
        });

        int lost = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            Task<long>[] replies = [.. Enumerable.Range(0, Each).Select(n => link.Int64("SET", $"{caller}", $"{n}").AsTask())];
            for (int n = 0; n < Each; n++)
            {
                try
                {
                    Assert.Equal(n, await replies[n]);
                }
                catch (RespConnectionException)
                {
                    Interlocked.Increment(ref lost);
                }
            }
        }))).Soon();

        Assert.Equal(Callers, received.Count);
        Assert.All(received.Values, static own => Assert.Equal(own.Order().Distinct(), own));
        Assert.InRange(lost, 5, 5 * 8);
        Assert.True(received.Values.Sum(static own => own.Count) >= (Callers * Each) - lost);
    }

    // Backpressure that cannot be called off is a hang.
    [Fact]
    public async Task What_waits_for_room_can_be_cancelled_and_expires_and_is_never_sent()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Connection = terms.Connection with { RingSize = 2 } });
        using CancellationTokenSource cancellation = new();
        ValueTask<long> first = link.Int64("ECHO", "1"), second = link.Int64("ECHO", "2");
        ServerSession session = await server.AcceptAsync();
        await session.ReadCommandAsync().Soon();
        await session.ReadCommandAsync().Soon();
        ValueTask<long> cancelled = link.Int64(new SendTerms(-1, cancellation.Token), "ECHO", "3");
        ValueTask<long> late = link.Int64(new SendTerms(100, default), "ECHO", "4");
        ValueTask<long> waits = link.Int64("ECHO", "5");
        Assert.False(cancelled.IsCompleted || late.IsCompleted || waits.IsCompleted);
        Assert.Equal(3, link.Link.Snapshot().Backlog);

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.Soon());
        Assert.Equal(CommandOutcome.NotSent, (await Assert.ThrowsAsync<RespTimeoutException>(() => late.Soon())).Outcome);
        await session.SendAsync(":1\r\n:2\r\n");

        await session.ExpectAsync("ECHO", "5");
        await session.SendAsync(":5\r\n");
        Assert.Equal(1, await first.Soon());
        Assert.Equal(2, await second.Soon());
        Assert.Equal(5, await waits.Soon());
    }

    // Memory must not grow with whatever the program sends to a server that is away.
    [Theory]
    [InlineData(10, long.MaxValue, 10)]
    [InlineData(int.MaxValue, 210, 10)]
    public async Task More_than_may_wait_is_refused_with_an_error_of_its_own(int commands, long bytes, int fit)
    {
        await using ScriptedServer server = new(Wire.Pipes);
        RespPipeTransport unreachable = new(static (_, _) => throw new IOException("Nobody is there."));
        await using LinkUnderTest link = LinkUnderTest.To(unreachable, server.Endpoint, terms => terms with { BacklogCommands = commands, BacklogBytes = bytes });

        Task<long>[] replies = [.. Enumerable.Range(0, fit + 3).Select(n => link.Int64("ECHO", $"{n % 10}").AsTask())];

        foreach (Task<long> refused in replies[fit..])
            await Assert.ThrowsAsync<RespOverloadException>(() => refused.Soon());
        Assert.All(replies[..fit], static waiting => Assert.False(waiting.IsCompleted));
        await link.Link.DisposeAsync().Soon();
        foreach (Task<long> waiting in replies[..fit])
            Assert.Equal(CommandOutcome.NotSent, (await Assert.ThrowsAsync<RespConnectionException>(() => waiting.Soon())).Outcome);
    }

    // Who asked for refusal instead of waiting gets it at once.
    [Fact]
    public async Task Without_waiting_for_room_a_full_ring_refuses()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Connection = terms.Connection with { RingSize = 1 }, WaitsForRoom = false });
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        ValueTask<long> first = link.Int64("ECHO", "1");

        await Assert.ThrowsAsync<RespOverloadException>(() => link.Int64("ECHO", "2").Soon());

        await session.SendAsync(":1\r\n");
        Assert.Equal(1, await first.Soon());
    }

    [Fact]
    public async Task Without_waiting_for_a_connection_commands_fail_as_not_sent_while_there_is_none()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        TaskCompletionSource there = new();
        RespPipeTransport transport = new(async (endpoint, cancellation) =>
        {
            await there.Task.WaitAsync(cancellation);
            return await server.Transport.ConnectAsync(endpoint, cancellation);
        });
        await using LinkUnderTest link = LinkUnderTest.To(transport, server.Endpoint, static terms => terms with { WaitsForConnection = false, BackoffFirst = TimeSpan.FromHours(1), BackoffCap = TimeSpan.FromHours(1) });
        Assert.Equal(CommandOutcome.NotSent, (await Assert.ThrowsAsync<RespConnectionException>(() => link.Int64("ECHO", "1").Soon())).Outcome);
        there.SetResult();
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        ValueTask<long> answered = link.Int64("ECHO", "2");
        await session.ReadCommandAsync().Soon();
        await session.SendAsync(":2\r\n");
        Assert.Equal(2, await answered.Soon());

        session.Dispose();
        await Patience.UntilAsync(() => link.Link.Current is null, "the link knows");

        Assert.Equal(CommandOutcome.NotSent, (await Assert.ThrowsAsync<RespConnectionException>(() => link.Int64("ECHO", "3").Soon())).Outcome);
    }
}
