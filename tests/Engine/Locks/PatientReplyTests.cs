using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>Waiting for replies with objects that are used again. Everything here happens on one thread, so that each wait has the object of the one before.</summary>
public sealed class PatientReplyTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly LockStage _stage = new();
    private readonly LockClient _client;

    public PatientReplyTests() => _client = _stage.NewEngine().Client;

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    // Prevents: a wait that ends when the time of an earlier wait is up, whose timer the object has kept.
    [Fact]
    public void The_time_of_an_earlier_wait_ends_no_later_one()
    {
        for (int use = 0; use < 10; use++)
        {
            TaskCompletionSource<int> reply = new();
            ValueTask<int> waiting = Wait(reply);
            _stage.Time.Advance(Patience - TimeSpan.FromMilliseconds(100));
            Assert.False(waiting.IsCompleted);
            reply.SetResult(use);
            Assert.True(waiting.IsCompletedSuccessfully);
            Assert.Equal(use, Read(waiting));
        }
    }

    // Prevents: callers that wait for ever for a coordinator that does not answer; and a late reply that is given to whoever waits next.
    [Fact]
    public async Task Who_has_waited_long_enough_is_told_and_the_late_reply_is_nobodys()
    {
        TaskCompletionSource<int> late = new(), failing = new();
        Task<int> first = Wait(late).AsTask(), second = Wait(failing).AsTask();
        _stage.Time.Advance(Patience);
        Assert.Contains("did not answer within", (await Assert.ThrowsAsync<CoordinatorException>(() => first)).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<CoordinatorException>(() => second);

        TaskCompletionSource<int> reply = new();
        ValueTask<int> next = Wait(reply);
        late.SetResult(1);
        failing.SetException(new InvalidOperationException());
        Assert.False(next.IsCompleted);
        reply.SetResult(2);
        Assert.Equal(2, await next);
    }

    // Prevents: a caller's cancellation that ends the wait of another caller, who has got the object since; and a token that keeps every wait that it was given to.
    [Fact]
    public async Task A_cancellation_ends_its_own_wait_only()
    {
        using CancellationTokenSource early = new(), late = new();
        TaskCompletionSource<int> reply = new();
        ValueTask<int> answered = Wait(reply, early.Token);
        reply.SetResult(1);
        Assert.Equal(1, Read(answered));
        TaskCompletionSource<int> other = new(), own = new();
        ValueTask<int> waiting = Wait(other);
        await early.CancelAsync();
        Assert.False(waiting.IsCompleted);
        other.SetResult(2);
        Assert.Equal(2, Read(waiting));

        Task<int> cancelled = Wait(own, late.Token).AsTask();
        await late.CancelAsync();
        Assert.Equal(late.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled)).CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Wait(new TaskCompletionSource<int>(), late.Token).AsTask());
        own.SetResult(3);
    }

    [Fact]
    public void An_error_is_the_callers_and_the_object_goes_on()
    {
        for (int use = 0; use < 3; use++)
        {
            TaskCompletionSource<int> failing = new(), reply = new();
            ValueTask<int> fails = Wait(failing);
            failing.SetException(new InvalidOperationException("no"));
            Assert.Throws<InvalidOperationException>(() => Read(fails));
            ValueTask<int> waiting = Wait(reply);
            reply.SetResult(use);
            Assert.Equal(use, Read(waiting));
        }
    }

    // Replies, time-outs and cancellations that meet: each wait ends once, with what is its own.
    [Fact]
    public async Task Whatever_comes_together_each_wait_ends_once_with_its_own_reply()
    {
        using CancellationTokenSource done = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Task clock = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
                _stage.Time.Advance(TimeSpan.FromMilliseconds(100));
        });
        int replied = 0, left = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(caller => Task.Run(async () =>
        {
            for (int use = 0; use < 2_000; use++)
            {
                using CancellationTokenSource cancellation = new();
                TaskCompletionSource<int> reply = new();
                ValueTask<int> waiting = Wait(reply, use % 2 == 0 ? cancellation.Token : CancellationToken.None);
                ThreadPool.UnsafeQueueUserWorkItem(static state => state.reply.SetResult(state.expected), (reply, expected: (caller * 10_000) + use), preferLocal: false);
                if (use % 4 == 0)
                    await cancellation.CancelAsync();
                try
                {
                    Assert.Equal((caller * 10_000) + use, await waiting);
                    Interlocked.Increment(ref replied);
                }
                catch (Exception fault) when (fault is CoordinatorException or OperationCanceledException)
                {
                    Interlocked.Increment(ref left);
                }
            }
        })));
        await done.CancelAsync();
        await clock;
        Assert.Equal(8_000, replied + left);
    }

    private ValueTask<int> Wait(TaskCompletionSource<int> reply, CancellationToken cancellation = default) =>
        PatientReply<int>.WaitAsync(_client, 0, new ValueTask<int>(reply.Task), Patience, cancellation);

    private static int Read(ValueTask<int> waiting) => waiting.GetAwaiter().GetResult();
}
