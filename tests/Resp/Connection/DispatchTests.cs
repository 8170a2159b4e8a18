using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Sluice.Resp.Connection;
using Xunit;

#pragma warning disable CA2012 // what the tests are about: tasks that are kept, and awaited later

namespace Sluice.Resp.Tests.Connection;

/// <summary>Callers' code runs where it cannot hurt: not on the client's threads, and not in each other's way.</summary>
/// <remarks>
/// <code>
/// dispatcher:  take a slot, run its continuation (blocks ......................) take the next
/// clock:                      slots wait, none taken for three looks: lend a thread, the blocked one counts no more
/// next batch:                                                          asks for a thread as ever
/// </code>
/// </remarks>
public sealed class DispatchTests(ITestOutputHelper output)
{
    // One caller that blocks must not slow the others down: neither once nor, as if every batch had to wait for the clock, from then on.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task A_continuation_that_blocks_delays_nobody_else(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        _ = server.ServeAsync(static command => $":{command[1]}\r\n");
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        using ManualResetEventSlim blocked = new(), release = new();
        Task blocking = BlockAsync();
        Assert.True(blocked.Wait(Patience.Long));

        Stopwatch took = Stopwatch.StartNew();
        await link.Int64("ECHO", "1").Soon();
        TimeSpan first = took.Elapsed;
        const int Commands = 1000;
        for (int n = 0; n < Commands; n++)
            Assert.Equal(n, await link.Int64("ECHO", n.ToString(CultureInfo.InvariantCulture)).Soon());

        output.WriteLine($"the first took {first.TotalMilliseconds:F1} ms, {Commands} more {took.ElapsedMilliseconds} ms; {link.Link.Snapshot().Rescues} rescues");
        Assert.True(link.Link.Snapshot().Rescues < 50, $"{link.Link.Snapshot().Rescues} of {Commands} commands waited for the clock.");
        Assert.False(blocking.IsCompleted);
        release.Set();
        await blocking.Soon();

        async Task BlockAsync()
        {
            await link.Int64("ECHO", "0").ConfigureAwait(false);
            blocked.Set();
            release.Wait(Patience.Long);
        }
    }

    // Sync over async inside a continuation: its command is held back for the end of a batch that cannot end before the reply comes.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task Waiting_inside_a_continuation_for_the_same_connection_ends_soon(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        _ = server.ServeAsync(static command => $":{command[1]}\r\n");
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        List<double> waits = [];
        await WaitInsideAsync().Soon();

        waits.Sort();
        output.WriteLine($"median {waits[10]:F1} ms, longest {waits[^1]:F1} ms");
        Assert.True(waits[10] < 1000, $"{waits[10]} ms");

        async Task WaitInsideAsync()
        {
            for (int round = 0; round < 20; round++)
            {
                await link.Int64("ECHO", "1").ConfigureAwait(false);
                long began = Stopwatch.GetTimestamp();
                Assert.Equal(2, link.Int64("ECHO", "2").AsTask().GetAwaiter().GetResult());
                waits.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }
    }

    // Continuations of some milliseconds, none of which blocks for good: one after the other, the last of a hundred is late by all the others.
    [Fact]
    public async Task Continuations_that_take_long_run_side_by_side()
    {
        Assert.SkipWhen(Environment.ProcessorCount == 1, "one processor: nothing runs side by side");
        const int Commands = 100;
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        int running = 0, together = 0;
        Task[] all = [.. Enumerable.Range(0, Commands).Select(_ => WorkAsync(link.Int64("ECHO", "1")))];

        // All of them are there before the first is answered: a reply that comes before its command is a broken server.
        for (int i = 0; i < Commands; i++)
            await session.ExpectAsync("ECHO", "1");
        await session.SendAsync(string.Concat(Enumerable.Repeat(":1\r\n", Commands)));
        await Task.WhenAll(all).Soon();

        // The clock lends threads when no slot is taken for a while; that must not be what made it.
        output.WriteLine($"{together} at once, {link.Link.Snapshot().Rescues} rescues");
        Assert.InRange(together, 2, Environment.ProcessorCount + (int)link.Link.Snapshot().Rescues);
        Assert.True(link.Link.Snapshot().Rescues < Commands / 10, $"{link.Link.Snapshot().Rescues} rescues");

        async Task WorkAsync(ValueTask<long> reply)
        {
            await reply.ConfigureAwait(false);
            int now = Interlocked.Increment(ref running);
            InterlockedMax(ref together, now);
            Thread.Sleep(2);
            Interlocked.Decrement(ref running);
        }

        static void InterlockedMax(ref int most, int value)
        {
            int seen = Volatile.Read(ref most);
            while (value > seen)
                seen = Interlocked.CompareExchange(ref most, value, seen) is var found && found == seen ? value : found;
        }
    }

    // User code on the reader's thread is a stopped connection; on the clock's it is a process without deadlines.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    public async Task Continuations_run_on_no_thread_of_the_client_whatever_settles_the_command(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        _ = server.ServeAsync(static command => command[0] == "ECHO" ? $":{command[1]}\r\n" : null);
        ConcurrentDictionary<string, int> threads = new();
        await using (LinkUnderTest link = LinkUnderTest.To(server))
        {
            await link.OpenAsync();
            using CancellationTokenSource cancellation = new();
            List<Task> all = [];
            for (int n = 0; n < 500; n++)
            {
                all.Add(RecordAsync(link.Int64("ECHO", $"{n}")));
                all.Add(RecordAsync(link.Int64(new SendTerms(5, default), "NOTHING")));
                all.Add(RecordAsync(link.Int64(new SendTerms(-1, cancellation.Token), "NOTHING")));
                all.Add(RecordAsync(link.Int64("NOTHING")));
            }

            await Task.Delay(50);
            Thread canceller = new(cancellation.Cancel) { Name = "canceller" };
            canceller.Start();
            canceller.Join();
            await link.Link.DisposeAsync().Soon();
            await Task.WhenAll(all).Soon();
        }

        output.WriteLine(string.Join(", ", threads.Select(static thread => $"{thread.Key}: {thread.Value}")));
        Assert.All(threads.Keys, static name => Assert.True(name is ".NET TP Worker" or "Sluice.Resp continuations", name));

        async Task RecordAsync(ValueTask<long> reply)
        {
            try
            {
                await reply.ConfigureAwait(false);
            }
            catch (Exception failed) when (failed is RespException or OperationCanceledException)
            {
                // however it ends
            }

            threads.AddOrUpdate(Thread.CurrentThread.Name ?? "", 1, static (_, count) => count + 1);
        }
    }

    // An application with a context of its own (a window, a game loop) expects to come back to it.
    [Fact]
    public async Task A_continuation_goes_back_to_the_context_that_it_was_awaited_in()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        _ = server.ServeAsync(static command => $":{command[1]}\r\n");
        await using LinkUnderTest link = LinkUnderTest.To(server);
        using OneThread context = new();
        TaskCompletionSource<int> back = new(TaskCreationOptions.RunContinuationsAsynchronously);
        AsyncLocal<int> flowing = new();

        context.Post(_ => _ = ReportAsync(), null);

        await back.Task.Soon();

        async Task ReportAsync()
        {
            try
            {
                flowing.Value = 5;
                for (int n = 0; n < 100; n++)
                {
                    await link.Int64("ECHO", "1");
                    Assert.Same(context.Thread, Thread.CurrentThread);
                    Assert.Equal(5, flowing.Value);
                }

                back.SetResult(1);
            }
            catch (Exception failed)
            {
                back.SetException(failed);
            }
        }
    }

    // What flows with one caller must not reach another whose continuation runs on the same thread just after it, nor live in the client's threads.
    [Fact]
    public async Task What_flows_with_a_caller_stays_with_it()
    {
        await using ScriptedServer server = new(Wire.Sockets);
        _ = server.ServeAsync(static command => $":{command[1]}\r\n");
        AsyncLocal<string?> flowing = new() { Value = "whoever opened" };
        Watcher watcher = new(flowing);
        await using LinkUnderTest link = LinkUnderTest.To(server, null, watcher);
        await link.OpenAsync();
        flowing.Value = null;

        await Task.WhenAll(Enumerable.Range(0, 200).Select(caller => Task.Run(async () =>
        {
            flowing.Value = $"{caller}";
            for (int n = 0; n < 50; n++)
            {
                await link.Int64("ECHO", "1").ConfigureAwait(false);
                Assert.Equal($"{caller}", flowing.Value);
                SynchronizationContext.SetSynchronizationContext(new SynchronizationContext());
            }
        }))).Soon();

        Assert.Null(watcher.Seen);
    }

    // Whoever sends may become the writer. If the kernel is full then, the rest must not wait for the sender's context, which may be blocked.
    [Fact]
    public async Task The_writer_goes_on_although_the_context_of_the_thread_that_began_to_write_is_blocked()
    {
        const int Size = 100_000;
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        ServerSession session = await server.AcceptAsync();
        using OneThread context = new();
        TaskCompletionSource<Task<long>> sent = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using ManualResetEventSlim blocked = new();
        context.Post(
            _ =>
            {
                sent.SetResult(link.Int64("SET", new string('x', Size)).AsTask());
                blocked.Wait(Patience.Long);
            },
            null);
        Task<long> first = await sent.Task.Soon();
        ValueTask<long> second = link.Int64("SET", "1");

        _ = session.ServeAsync(static command => $":{command[1].Length}\r\n");

        Assert.Equal(Size, await first.Soon());
        Assert.Equal(1, await second.Soon());
        blocked.Set();
    }

    /// <summary>Looks at what flows on the link's thread.</summary>
    private sealed class Watcher(AsyncLocal<string?> flowing) : ILinkListener
    {
        public string? Seen { get; private set; }

        public void OnOpened(RespLink link, RespConnection connection) => Seen = flowing.Value;

        public void OnClosed(RespLink link, Exception reason)
        {
        }

        public void OnPush(RespLink link, ref RespReader push)
        {
        }
    }

    /// <summary>A context with one thread, like that of a window.</summary>
    private sealed class OneThread : SynchronizationContext, IDisposable
    {
        private readonly BlockingCollection<(SendOrPostCallback Callback, object? State)> _posted = [];

        public OneThread()
        {
            Thread = new Thread(Run) { IsBackground = true, Name = "window" };
            Thread.Start();
        }

        public Thread Thread { get; }

        public override void Post(SendOrPostCallback d, object? state) => _posted.Add((d, state));

        public void Dispose()
        {
            _posted.CompleteAdding();
            Thread.Join();
            _posted.Dispose();
        }

        private void Run()
        {
            SetSynchronizationContext(this);
            foreach ((SendOrPostCallback callback, object? state) in _posted.GetConsumingEnumerable())
                callback(state);
        }
    }
}
