using System.Diagnostics;
using System.Net.Sockets;
using Sluice.Resp.Connection;
using Sluice.Resp.Tests.Transport;
using Xunit;

namespace Sluice.Resp.Tests.Connection;

[Collection(nameof(StarvedPoolCollection))]
public sealed class StarvedDispatchTests(ITestOutputHelper output)
{
    // All pool threads blocked: threads that the program started itself must go on getting replies, deadlines and losses.
    [Fact]
    public async Task With_the_pool_starved_threads_of_the_program_get_their_replies_deadlines_and_losses()
    {
        using Socket listener = Connected.Listen();
        Thread answering = new(() => Answer(listener)) { IsBackground = true };
        answering.Start();
        LinkUnderTest link = await LinkUnderTest.To(new RespSocketTransport(), Connected.EndpointOf(listener)).OpenAsync();
        link.LeavesTasks = true;
        using Barrier everyone = new(4);
        long replies = 0, late = 0, lost = 0;
        Stopwatch took = new();
        Exception? failure = null;
        bool ended;
        string state;
        using (StarvedPool starved = new())
        {
            Thread[] callers = [.. Enumerable.Range(0, 4).Select(_ => new Thread(Call))];
            took.Start();
            Array.ForEach(callers, static caller => caller.Start());
            ended = callers.All(static caller => caller.Join(Connected.Patience));
            state = link.Link.Snapshot().ToString();
            Assert.False(starved.PoolServed, "The pool was not starved: the test proves nothing.");
        }

        output.WriteLine($"{replies} replies, {late} late, {lost} lost in {took.ElapsedMilliseconds} ms; {link.Link.Snapshot().Rescues} rescues");
        await link.DisposeAsync();
        Assert.True(ended, $"Callers wait for the thread pool: {replies} replies, {late} late, {lost} lost. {state}");
        Assert.Null(failure);
        Assert.Equal(4 * 500, replies);
        Assert.Equal(4, late);
        Assert.Equal(4, lost);

        void Call()
        {
            try
            {
                for (int n = 0; n < 500; n++)
                {
                    Assert.Equal(1, link.Int64("ONE").AsTask().GetAwaiter().GetResult());
                    Interlocked.Increment(ref replies);
                }

                // A command that is never answered keeps the replies of all that come after it.
                everyone.SignalAndWait(Connected.Patience);
                Assert.Throws<RespTimeoutException>(() => link.Int64(new SendTerms(50, default), "NON").AsTask().GetAwaiter().GetResult());
                Interlocked.Increment(ref late);
                Task<long> dying = link.Int64("NON").AsTask();
                if (Interlocked.Increment(ref lost) == 4)
                    link.Link.Current!.Fail(new RespConnectionException("lost"));
                Assert.Throws<RespConnectionException>(() => dying.GetAwaiter().GetResult());
            }
            catch (Exception unexpected)
            {
                failure = unexpected;
            }
        }
    }

    /// <summary>":1" for every ONE, nothing for anything else; all commands here have the same length.</summary>
    private static void Answer(Socket listener)
    {
        int command = LinkUnderTest.Frame("ONE").Length;
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                using Socket socket = listener.Accept();
                socket.NoDelay = true;
                int held = 0;
                while (socket.Receive(buffer, held, buffer.Length - held, SocketFlags.None) is > 0 and var received)
                {
                    held += received;
                    int whole = held / command;
                    for (int n = 0; n < whole; n++)
                    {
                        if (buffer[(n * command) + 8] == (byte)'O')
                            socket.Send(":1\r\n"u8);
                    }

                    buffer.AsSpan(whole * command, held - (whole * command)).CopyTo(buffer);
                    held -= whole * command;
                }
            }
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            // the end of the test
        }
    }
}
