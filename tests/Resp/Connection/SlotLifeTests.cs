using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using Sluice.Resp.Connection;
using Xunit;

#pragma warning disable CA2012 // what the tests are about: tasks that are kept, and awaited later

namespace Sluice.Resp.Tests.Connection;

/// <summary>
/// One use of a slot is settled once, by reply, deadline, cancellation or failure, and nothing of it reaches the next use.
/// </summary>
/// <remarks>
/// <code>
/// reader:    claim ............ write result, settle ... leave the ring        (or: claim, take one of several, give the claim back)
/// clock:           look at the word ......... swap it: fails, or the slot is the clock's
/// canceller:            swap ....... fails during a claim; after the claim is given back the token is looked at once more
/// caller:                                                  result ... token stale ... let go     ring and caller both let go: free
/// </code>
/// </remarks>
public sealed class SlotLifeTests
{
    private static readonly string[] Ignored = ["ECHO", "0"];

    // A wrong value here is the worst that a client can do: the value of another caller.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task Reply_deadline_cancellation_and_loss_settle_each_use_once_and_never_with_another_ones_value(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        _ = server.EachAsync((number, session) =>
        {
            Random random = new(number);
            int left = random.Next(200, 2000);
            // Every session ends in the middle of something, without an answer to what came last.
            _ = session.ServeAsync(command =>
            {
                if (random.Next(40) == 0)
                    Thread.SpinWait(20_000);
                if (--left == 0)
                    session.Dispose();
                return $":{command[1]}\r\n";
            });
        });
        await using LinkUnderTest link = LinkUnderTest.To(server, terms => terms with
        {
            Connection = terms.Connection with { RingSize = 64 },
            BackoffFirst = TimeSpan.FromMilliseconds(1),
            BackoffCap = TimeSpan.FromMilliseconds(2),
        });
        long next = 0, right = 0, late = 0, cancelled = 0, lost = 0, wrong = 0;
        long until = Environment.TickCount64 + 2500;

        await Task.WhenAll(Enumerable.Range(0, 16).Select(caller => Task.Run(() => CallAsync(new Random(caller))))).Soon();

        Assert.Equal(0, wrong);
        Assert.True(right > 1000, $"{right} right, {late} late, {cancelled} cancelled, {lost} lost: too few replies to prove anything.");
        Assert.True(late > 0 && cancelled > 0 && lost > 0, $"{right} right, {late} late, {cancelled} cancelled, {lost} lost: something never raced.");

        async Task CallAsync(Random random)
        {
            while (Environment.TickCount64 < until)
            {
                using CancellationTokenSource cancellation = new();
                long mine = Interlocked.Increment(ref next);
                int way = random.Next(4);
                SendTerms terms = new(way == 0 ? random.Next(1, 4) : 5000, way == 1 ? cancellation.Token : default);
                ValueTask<long> reply = link.Int64(terms, "ECHO", mine.ToString(CultureInfo.InvariantCulture));
                if (way == 1)
                {
                    Thread.SpinWait(random.Next(2000));
                    await cancellation.CancelAsync();
                }

                try
                {
                    Interlocked.Increment(ref await reply == mine ? ref right : ref wrong);
                }
                catch (RespTimeoutException)
                {
                    Interlocked.Increment(ref late);
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref cancelled);
                }
                catch (RespConnectionException)
                {
                    Interlocked.Increment(ref lost);
                }
            }
        }
    }

    // The second await of a task would take the result of whoever uses the slot now.
    [Fact]
    public async Task A_task_that_was_awaited_is_refused_the_second_time()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        _ = server.ServeAsync(static command => $":{command[1]}\r\n");
        await using LinkUnderTest link = LinkUnderTest.To(server);
        ValueTask<long> task = link.Int64("ECHO", "1");
        Assert.Equal(1, await task);

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await task);
        Assert.Equal(2, await link.Int64("ECHO", "2"));
    }

    // An abandoned command still stands in the ring. A second await that let the slot go would free it there, and the reply would go to its next user.
    [Fact]
    public async Task The_task_of_an_abandoned_command_is_refused_the_second_time_too()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        using CancellationTokenSource cancellation = new();
        ValueTask<long> abandoned = link.Int64(new SendTerms(0, cancellation.Token), "ECHO", "1");
        using ServerSession session = await server.AcceptAsync();
        await session.ReadCommandAsync().Soon();
        await cancellation.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await abandoned);

        for (int again = 0; again < 3; again++)
            await Assert.ThrowsAsync<InvalidOperationException>(async () => await abandoned);

        ValueTask<long> second = link.Int64("ECHO", "2"), third = link.Int64("ECHO", "3");
        await session.SendAsync(":1\r\n:2\r\n:3\r\n");
        Assert.Equal(2, await second.Soon());
        Assert.Equal(3, await third.Soon());
    }

    // Fire and forget with a token that lives as long as the program must not keep what it was registered for.
    [Fact]
    public async Task A_task_that_nobody_awaits_is_garbage_although_its_token_lives()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        _ = server.ServeAsync(static command => $":{command[1]}\r\n");
        await using LinkUnderTest link = LinkUnderTest.To(server);
        link.LeavesTasks = true;
        using CancellationTokenSource living = new();
        List<WeakReference> slots = [];
        for (int i = 0; i < 100; i++)
            slots.Add(Forget(link.Link, living.Token));
        for (int i = 0; i < 100; i++)
            await link.Int64("ECHO", "1");

        await Patience.UntilAsync(
            () =>
            {
                GC.Collect();
                return slots.Count(static slot => slot.IsAlive) <= 2; // what a register or a queue still holds
            },
            "forgotten slots are collected");
    }

    // "Cancelled" means that the caller has its memory back: a reply that comes later must not be written into it.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task The_callers_buffer_is_whole_after_a_result_and_untouched_after_a_cancellation(Wire wire)
    {
        const int Size = 20_000;
        string payload = new('x', Size);
        await using ScriptedServer server = new(wire);
        _ = server.ServeAsync(_ => $"${Size}\r\n{payload}\r\n");
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        Random random = new(3);
        byte[] buffer = new byte[Size];
        int whole = 0, untouched = 0;
        for (int round = 0; round < 300; round++)
        {
            using CancellationTokenSource cancellation = new();
            buffer.AsSpan().Fill((byte)'.');
            ValueTask<long> reply = link.IntoBuffer(buffer, new SendTerms(0, cancellation.Token), "GET", "k");
            Thread.SpinWait(random.Next(round * 30));
            cancellation.Cancel();
            try
            {
                Assert.Equal(Size, await reply);
                Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept((byte)'x'));
                whole++;
            }
            catch (OperationCanceledException)
            {
                buffer.AsSpan().Fill((byte)'-');
                // Behind this reply, the abandoned one has been read.
                await link.IntoBuffer(new byte[Size], default, "GET", "k");
                Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept((byte)'-'));
                untouched++;
            }
        }

        Assert.Equal(300, whole + untouched);
    }

    // A command that was called off before it began must not run.
    [Fact]
    public async Task A_token_that_is_cancelled_already_sends_nothing()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        await link.OpenAsync();
        using ServerSession session = await server.AcceptAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => link.Int64(new SendTerms(0, new CancellationToken(canceled: true)), "SET", "0").Soon());

        ValueTask<long> next = link.Int64("ECHO", "1");
        await session.ExpectAsync("ECHO", "1");
        await session.SendAsync(":1\r\n");
        Assert.Equal(1, await next.Soon());
    }

    // A slot that is given back unsent must not be cancelled, or completed, in its next use.
    [Fact]
    public async Task A_slot_that_was_never_sent_leaves_nothing_to_its_next_use()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        _ = server.ServeAsync(static command => $":{command[1]}\r\n");
        await using LinkUnderTest link = LinkUnderTest.To(server);
        link.LeavesTasks = true; // those that were cancelled before
        await link.OpenAsync();
        using CancellationTokenSource cancellation = new();
        for (int i = 0; i < 50; i++)
            link.Link.Rent(ReplyKind.Int64, new SendTerms(0, cancellation.Token)).Discard();
        ValueTask<long> reply = link.Int64("ECHO", "7");
        await cancellation.CancelAsync();
        Assert.Equal(7, await reply.Soon());
        for (int i = 0; i < 50; i++)
            link.Link.Rent(ReplyKind.Int64, new SendTerms(0, cancellation.Token)).Discard();
        for (int i = 0; i < 200; i++)
            Assert.Equal(i, await link.Int64("ECHO", i.ToString(CultureInfo.InvariantCulture)).Soon());
    }

    // Replies belong to positions: what is abandoned in the middle must go on swallowing until its last.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task A_command_with_several_replies_that_is_abandoned_in_the_middle_swallows_the_rest(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        using CancellationTokenSource cancellation = new();
        IntegerCollector collector = new(3);
        ValueTask abandoned = link.Collected(collector, new SendTerms(0, cancellation.Token), "THREE");
        ValueTask<long> next = link.Int64("ECHO", "4");
        using ServerSession session = await server.AcceptAsync();
        await session.SendAsync(":1\r\n");
        await Patience.UntilAsync(() => { lock (collector.Taken) return collector.Taken.Count == 1; }, "the first reply is taken");
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned.Soon());

        await session.SendAsync(":2\r\n:3\r\n:4\r\n");

        Assert.Equal(4, await next.Soon());
        Assert.Equal([1], collector.Taken);
    }

    // While the reader holds the slot nobody else may settle it; what came meanwhile must not be forgotten when it lets go.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_cancellation_or_a_deadline_during_one_of_several_replies_counts_after_it(bool byToken)
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        using CancellationTokenSource cancellation = new();
        using ManualResetEventSlim collecting = new(), goOn = new();
        IntegerCollector collector = new(2, _ =>
        {
            collecting.Set();
            goOn.Wait(Patience.Long);
        });
        ValueTask task = link.Collected(collector, new SendTerms(byToken ? -1 : 50, byToken ? cancellation.Token : default), "TWO");
        using ServerSession session = await server.AcceptAsync();
        await session.SendAsync(":1\r\n");
        Assert.True(collecting.Wait(Patience.Long));
        if (byToken)
            cancellation.Cancel();
        else
            await Task.Delay(150); // the clock looks at it several times, and finds it claimed
        goOn.Set();

        Exception failure = await Assert.ThrowsAnyAsync<Exception>(() => task.Soon());
        Assert.Equal(byToken ? typeof(OperationCanceledException) : typeof(RespTimeoutException), failure.GetType());
        await session.SendAsync(":2\r\n"); // the slot leaves the ring
    }

    // A collector's own failure is its command's: the replies behind belong to others.
    [Fact]
    public async Task A_collector_that_throws_fails_its_command_and_the_next_one_gets_its_reply()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server);
        ValueTask task = link.Collected(new IntegerCollector(3, static index => { if (index == 1) throw new FormatException("second"); }), default, "THREE");
        ValueTask<long> next = link.Int64("ECHO", "4");
        using ServerSession session = await server.AcceptAsync();
        await session.SendAsync(":1\r\n:2\r\n");
        await Assert.ThrowsAsync<FormatException>(() => task.Soon());
        await session.SendAsync(":3\r\n:4\r\n");
        Assert.Equal(4, await next.Soon());
    }

    // The slot is a source of tasks like the framework's: an awaiter that comes late is called, and once.
    [Fact]
    public async Task A_continuation_that_is_registered_after_the_end_runs_once()
    {
        ReplyDispatcher dispatcher = new(RespClock.Shared);
        SlotPool pool = new(16);
        for (int use = 0; use < 1000; use++)
        {
            ReplySlot slot = pool.Rent();
            slot.Begin(dispatcher, ReplyKind.Nothing, long.MaxValue, 0);
            IValueTaskSource source = slot;
            short token = slot.Token;
            TaskCompletionSource ran = new(TaskCreationOptions.RunContinuationsAsynchronously);
            int runs = 0;
            Task settling = Task.Run(() =>
            {
                slot.TryFail(new InvalidDataException("settled"));
                dispatcher.Post(slot);
                slot.Release();
            });
            Thread.SpinWait(use * 5);
            source.OnCompleted(
                _ =>
                {
                    Interlocked.Increment(ref runs);
                    ran.SetResult();
                },
                null,
                token,
                ValueTaskSourceOnCompletedFlags.None);
            await ran.Task.Soon();
            await settling;
            Assert.Equal(ValueTaskSourceStatus.Faulted, source.GetStatus(token));
            Assert.Throws<InvalidDataException>(() => source.GetResult(token));
            Assert.Throws<InvalidOperationException>(() => source.GetStatus(token));
            Assert.Equal(1, runs);
        }

        Assert.Equal(pool.InExistence, pool.Count);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Forget(RespLink link, CancellationToken living)
    {
        ReplySlot slot = link.Rent(ReplyKind.Int64, new SendTerms(0, living));
        link.Send(LinkUnderTest.Frame(Ignored), slot);
        return new WeakReference(slot);
    }
}
