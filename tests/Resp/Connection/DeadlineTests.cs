using System.Diagnostics;
using Sluice.Resp.Connection;
using Xunit;

#pragma warning disable CA2012 // what the tests are about: tasks that are kept, and awaited later

namespace Sluice.Resp.Tests.Connection;

public sealed class DeadlineTests(ITestOutputHelper output)
{
    // A lock that must be answered within 30 ms is useless with time-outs that are noticed once a second.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task Deadlines_are_noticed_in_their_order_and_soon_and_the_next_replies_match(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        int[] timeouts = [90, 30, 60, 120, 45];
        List<int> order = [];
        List<double> delays = [];
        await Task.WhenAll(timeouts.Select(ExpireAsync)).Soon();
        ValueTask<long> next = link.Int64("ECHO", "6");

        // The last one may still be held back by the batch that this runs in; a server answers what it has read.
        for (int n = 0; n < timeouts.Length + 1; n++)
            await session.ReadCommandAsync().Soon();
        await session.SendAsync(":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n");

        Assert.Equal(6, await next.Soon());
        output.WriteLine($"noticed late by {string.Join(", ", delays.Select(static delay => $"{delay:F1}"))} ms");
        Assert.Equal(timeouts.Order(), order);
        // The clock that costs nothing is up to one tick of the kernel old (10 ms where that has the fewest), so a deadline may be noticed that much early.
        Assert.All(delays, static delay => Assert.InRange(delay, -11, 100));

        async Task ExpireAsync(int timeout)
        {
            long began = Stopwatch.GetTimestamp();
            RespTimeoutException late = await Assert.ThrowsAsync<RespTimeoutException>(() => link.Int64(new SendTerms(timeout, default), "SLOW").AsTask());
            double delay = Stopwatch.GetElapsedTime(began).TotalMilliseconds - timeout;
            lock (order)
            {
                order.Add(timeout);
                delays.Add(delay);
            }

            Assert.Equal(CommandOutcome.Unknown, late.Outcome);
            Assert.NotNull(late.State);
        }
    }

    // While a connection is being made nothing was sent, and the caller may know it.
    [Fact]
    public async Task What_expires_while_there_is_no_connection_was_not_sent()
    {
        TaskCompletionSource<System.IO.Pipelines.IDuplexPipe> never = new();
        RespPipeTransport transport = new((_, cancellation) => new ValueTask<System.IO.Pipelines.IDuplexPipe>(never.Task.WaitAsync(cancellation)));
        await using LinkUnderTest link = LinkUnderTest.To(transport, RespEndpoint.Tcp("nowhere", 1));

        RespTimeoutException late = await Assert.ThrowsAsync<RespTimeoutException>(() => link.Int64(new SendTerms(30, default), "ECHO", "1").Soon());

        Assert.Equal(CommandOutcome.NotSent, late.Outcome);
        Assert.Equal(0, link.Link.Snapshot().Backlog);
    }

    // Replies of some hundred thousand bytes come in many pieces over many segments.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task Replies_of_every_size_and_cut_reach_their_callers(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        int[] sizes = [0, 1, 100, 5000, 70_000, 300_000, 1_500_000, 3];
        List<ValueTask<string?>> replies = [.. sizes.Select(size => link.Text("GET", $"{size}"))];
        string stream = string.Concat(sizes.Select(static size => $"${size}\r\n{new string((char)('a' + (size % 26)), size)}\r\n"));
        Task sending = Task.Run(async () =>
        {
            Random random = new(5);
            for (int at = 0; at < stream.Length;)
            {
                int length = Math.Min(stream.Length - at, random.Next(1, 30_000));
                await session.SendAsync(stream.Substring(at, length));
                at += length;
            }
        });

        for (int index = 0; index < sizes.Length; index++)
            Assert.Equal(new string((char)('a' + (sizes[index] % 26)), sizes[index]), await replies[index].Soon());
        await sending.Soon();
    }
}
