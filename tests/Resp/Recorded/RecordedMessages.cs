using System.Globalization;

namespace Sluice.Resp.Tests.Recorded;

/// <summary>Numbered messages to one subscriber behind a network that breaks: each comes once and in order, or a gap stands in its place.</summary>
internal sealed class RecordedMessages(RespClient subscribing, RespClient direct, string channel)
{
    private const string Prefix = "message:";

    private readonly CancellationTokenSource _over = new();
    private long _published;
    private long _last;

    /// <summary>Messages that came.</summary>
    public long Received { get; private set; }

    /// <summary>Gaps that were told.</summary>
    public long Gaps { get; private set; }

    /// <summary>Messages that were published and in whose place a gap stands.</summary>
    public long Missed { get; private set; }

    /// <summary>What must not be; empty when there was nothing.</summary>
    public string Finding { get; private set; } = "";

    /// <summary>Publishes and listens until <see cref="End"/>, and on until a message of the time after that has come.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using RespSubscription subscription = await SubscribeAsync(cancellationToken);
        using CancellationTokenSource heard = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // Confirmed before the first is published: from there on nothing may be missing without a word.
        Task publishing = PublishAsync(heard.Token);
        long last = 0;
        bool gap = false;
        try
        {
            await foreach (RespMessage message in subscription.WithCancellation(cancellationToken))
            {
                if (message.IsGap)
                {
                    gap = true;
                    Gaps++;
                    continue;
                }

                long number = long.Parse(message.Text.AsSpan(Prefix.Length), CultureInfo.InvariantCulture);
                if (number <= last)
                    Finding = $"Message {number} came after {last}.";
                else if (number != last + 1 && !gap)
                    Finding = $"Message {number} came after {last}, and nothing was said of a gap.";
                Missed += number - last - 1;
                (last, gap) = (number, false);
                Received++;
                if (Volatile.Read(ref _last) is var end && end != 0 && number > end)
                    break;
            }
        }
        finally
        {
            await heard.CancelAsync();
            await publishing;
        }
    }

    /// <summary>The next message that comes is the last.</summary>
    public void End() => Volatile.Write(ref _last, Math.Max(1, Interlocked.Read(ref _published)));

    // The connection may break again and again before the subscription is confirmed within its time.
    private async Task<RespSubscription> SubscribeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await subscribing.SubscribeAsync(channel, cancellationToken);
            }
            catch (RespTimeoutException)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    private async Task PublishAsync(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            long number = Interlocked.Increment(ref _published);
            await direct.Command("PUBLISH").Write(channel).Write(string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number}")).ExecuteAsync(Timeout.InfiniteTimeSpan, CancellationToken.None);
            // Messages among the replies' time, not instead of them.
            await Task.Delay(1, CancellationToken.None);
        }
    }
}
