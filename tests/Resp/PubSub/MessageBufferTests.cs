using Sluice.Resp.Client;
using Xunit;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>What a subscriber gets that is slower than its messages.</summary>
public sealed class MessageBufferTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Prevents both: memory that grows with a slow subscriber, and messages that vanish unnoticed.
    [Theory]
    [InlineData(1, 10)]
    [InlineData(3, 3)]
    [InlineData(16, 1000)]
    [InlineData(100, 101)]
    public void The_oldest_messages_are_dropped_and_one_gap_in_front_counts_them(int capacity, int messages)
    {
        MessageBuffer buffer = new("a", capacity, long.MaxValue, TimeProvider.System);
        for (int number = 0; number < messages; number++)
            buffer.Add(new RespMessage("a", null, new[] { (byte)number }));
        int dropped = messages - capacity;
        if (dropped > 0)
        {
            Assert.True(buffer.TryTake(out RespMessage gap));
            Assert.Equal((RespGapReasons.Overflow, dropped), (gap.Gap!.Reasons, gap.Gap.Dropped));
        }

        for (int number = dropped; number < messages; number++)
        {
            Assert.True(buffer.TryTake(out RespMessage message));
            Assert.Equal((byte)number, message.Payload.Span[0]);
        }

        Assert.False(buffer.TryTake(out _));
        Assert.Equal(dropped, buffer.Dropped);
    }

    // Prevents that few large messages hold as much memory as many small ones may not.
    [Fact]
    public void Bytes_are_bounded_too_but_the_last_message_is_kept_whatever_its_size()
    {
        MessageBuffer buffer = new("a", 100, 10, TimeProvider.System);
        buffer.Add(new RespMessage("a", null, new byte[6]));
        buffer.Add(new RespMessage("a", null, new byte[4]));
        Assert.Equal(2, buffer.Count);
        buffer.Add(new RespMessage("a", null, new byte[1]));
        buffer.Add(new RespMessage("a", null, new byte[50]));
        Assert.True(buffer.TryTake(out RespMessage gap));
        Assert.Equal(3, gap.Gap!.Dropped);
        Assert.True(buffer.TryTake(out RespMessage last));
        Assert.Equal(50, last.Payload.Length);
    }

    // Prevents that the notice of a lost connection is dropped like a message.
    [Fact]
    public void A_gap_that_is_dropped_is_joined_with_the_one_in_front()
    {
        DateTimeOffset lost = DateTimeOffset.UtcNow.AddMinutes(-1);
        MessageBuffer buffer = new("a", 2, long.MaxValue, TimeProvider.System);
        buffer.Add(new RespMessage("a", new RespGap { Reasons = RespGapReasons.ConnectionLost, From = lost, Until = lost.AddSeconds(1) }));
        for (int number = 0; number < 3; number++)
            buffer.Add(new RespMessage("a", null, new[] { (byte)number }));
        Assert.True(buffer.TryTake(out RespMessage gap));
        Assert.Equal((RespGapReasons.ConnectionLost | RespGapReasons.Overflow, 1L, lost), (gap.Gap!.Reasons, gap.Gap.Dropped, gap.Gap.From));
        Assert.True(buffer.TryTake(out RespMessage message));
        Assert.Equal(1, message.Payload.Span[0]);
    }

    // Prevents a wake-up that is lost or given twice where arrival, cancellation and end meet.
    [Fact]
    public async Task A_waiting_reader_is_woken_once_by_a_message_a_cancellation_or_the_end()
    {
        MessageBuffer buffer = new("a", 8, long.MaxValue, TimeProvider.System);
        ValueTask<bool> waiting = buffer.WaitAsync(Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => buffer.WaitAsync(Token).AsTask());
        buffer.Add(new RespMessage("a", null, default));
        Assert.True(await waiting);
        Assert.True(await buffer.WaitAsync(Token));
        buffer.TryTake(out _);

        for (int round = 0; round < 200; round++)
        {
            using CancellationTokenSource cancellation = new();
            ValueTask<bool> contested = buffer.WaitAsync(cancellation.Token);
            Task cancelling = Task.Run(cancellation.Cancel, Token);
            buffer.Add(new RespMessage("a", null, default));
            try
            {
                Assert.True(await contested);
            }
            catch (OperationCanceledException)
            {
                // The token was first; the message is there all the same.
            }

            Assert.True(buffer.TryTake(out _));
            Assert.False(buffer.TryTake(out _));
            await cancelling;
        }

        ValueTask<bool> last = buffer.WaitAsync(Token);
        buffer.End(null);
        Assert.False(await last);
        buffer.Add(new RespMessage("a", null, default));
        Assert.False(await buffer.WaitAsync(Token));
    }
}
