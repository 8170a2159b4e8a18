using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Sluice.Samples.Purchases;

/// <summary>
/// A consumer of a RabbitMQ queue: one of them is active, the others stand by. Acknowledges all messages up to the watermark at once; the prefetch bounds how many there may be.
/// </summary>
internal sealed partial class QueueConsumer(
    ISluiceEngine engine, IAggregator<string, CustomerSpending, CustomerSpending.Event> spending, LossGuard guard, IOptions<QueueOptions> options, ILogger<QueueConsumer> logger) : BackgroundService
{
    /// <summary>The header with the number that the publisher gave the message: 1, 2, 3, and the same when it publishes a message again.</summary>
    public const string PositionHeader = "position";

    private readonly QueueOptions _options = options.Value;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The connection is made anew here and not by the client: delivery tags begin again with a channel, and what was in flight on the old one is delivered again.
        ConnectionFactory factory = new() { Uri = _options.Server, AutomaticRecoveryEnabled = false };
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await using IConnection connection = await factory.CreateConnectionAsync("spending", stoppingToken);
                await using IChannel channel = await connection.CreateChannelAsync(cancellationToken: stoppingToken);
                await ConsumeAsync(channel, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception fault) when (fault is BrokerUnreachableException or OperationInterruptedException or IOException or TimeoutException or OperationCanceledException)
            {
                LogFault(logger, fault, _options.Queue);
                await Task.Delay(TimeSpan.FromSeconds(1), stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ConsumeAsync(IChannel channel, CancellationToken stopping)
    {
        // One active consumer: what a dead one had not acknowledged goes back to its old places, in front, so messages come in the order of their positions but for what the publisher repeats.
        Dictionary<string, object?> terms = new(StringComparer.Ordinal) { ["x-single-active-consumer"] = true };
        await channel.QueueDeclareAsync(_options.Queue, durable: true, exclusive: false, autoDelete: false, terms, cancellationToken: stopping);
        await channel.BasicQosAsync(0, _options.Prefetch, global: false, stopping);

        // Not more than the prefetch: the broker sees to that.
        Channel<(ulong Tag, Purchase? Purchase)> deliveries = Channel.CreateUnbounded<(ulong Tag, Purchase? Purchase)>();
        AsyncEventingBasicConsumer consumer = new(channel);
        consumer.ReceivedAsync += (_, message) =>
        {
            deliveries.Writer.TryWrite((message.DeliveryTag, Read(message)));
            return Task.CompletedTask;
        };
        consumer.ShutdownAsync += (_, shutdown) =>
        {
            deliveries.Writer.TryComplete(new OperationInterruptedException(shutdown));
            return Task.CompletedTask;
        };
        consumer.UnregisteredAsync += (_, _) =>
        {
            deliveries.Writer.TryComplete(new IOException("The broker has ended the consumer: the queue was deleted."));
            return Task.CompletedTask;
        };
        using Intake<(ulong Tag, long Position)> intake = new(engine, spending, guard, _options.Queue);
        string tag = await channel.BasicConsumeAsync(_options.Queue, autoAck: false, consumer, stopping);
        try
        {
            await ConsumeAsync(channel, deliveries.Reader, intake, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The end in order: what was merged is acknowledged, the rest goes back to the queue with the channel.
            await channel.BasicCancelAsync(tag, cancellationToken: CancellationToken.None);
            await intake.FlushAsync(CancellationToken.None);
            await AcknowledgeAsync(channel, intake);
            await channel.CloseAsync(CancellationToken.None);
        }
    }

    private async Task ConsumeAsync(IChannel channel, ChannelReader<(ulong Tag, Purchase? Purchase)> deliveries, Intake<(ulong Tag, long Position)> intake, CancellationToken stopping)
    {
        Task<bool> more = deliveries.WaitToReadAsync(stopping).AsTask();
        while (true)
        {
            await Task.WhenAny(more, Task.Delay(_options.AcknowledgeEvery, stopping));
            stopping.ThrowIfCancellationRequested();
            if (more.IsCompleted)
            {
                await more;
                while (deliveries.TryRead(out (ulong Tag, Purchase? Purchase) delivery))
                    await MergeAsync(channel, intake, delivery.Tag, delivery.Purchase);
                more = deliveries.WaitToReadAsync(stopping).AsTask();
            }

            // The broker sends nothing more before it hears something: waiting for the flush interval would mean one prefetch of messages for each.
            if (intake.InFlight >= _options.Prefetch)
                await intake.FlushAsync(stopping);
            await AcknowledgeAsync(channel, intake);
        }
    }

    private async Task MergeAsync(IChannel channel, Intake<(ulong Tag, long Position)> intake, ulong tag, Purchase? purchase)
    {
        if (purchase is not { } read)
        {
            // To the queue's dead-letter exchange, if it has one.
            LogUnreadable(logger, tag, _options.Queue);
            await channel.BasicNackAsync(tag, multiple: false, requeue: false);
            return;
        }

        // Everything in front of the oldest message here has been acknowledged. A message that is still to come for the first time was not confirmed when that one was published, so it is at most a window older.
        long oldest = intake.TryPeekOldest(out (ulong Tag, long Position) first) ? first.Position : read.Position;
        await intake.MergeAsync(read, (tag, read.Position), Math.Max(0, oldest - _options.PublisherWindow));
    }

    private static Task AcknowledgeAsync(IChannel channel, Intake<(ulong Tag, long Position)> intake) =>
        intake.AcknowledgeAsync(done => channel.BasicAckAsync(done[^1].Tag, multiple: true).AsTask());

    private static Purchase? Read(BasicDeliverEventArgs message)
    {
        try
        {
            using JsonDocument body = JsonDocument.Parse(message.Body);
            object? header = null;
            message.BasicProperties.Headers?.TryGetValue(PositionHeader, out header);
            long position = header switch { long number => number, int number => number, _ => 0 };
            return position > 0 && body.RootElement.GetProperty("customer").GetString() is { Length: > 0 and <= 128 } customer
                ? new Purchase(position, customer, body.RootElement.GetProperty("cents").GetInt64())
                : null;
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The queue {Queue} can't be read now; what was not acknowledged is delivered again.")]
    private static partial void LogFault(ILogger logger, Exception fault, string queue);

    [LoggerMessage(2, LogLevel.Error, "Message {Tag} of {Queue} is no purchase; it is not counted.")]
    private static partial void LogUnreadable(ILogger logger, ulong tag, string queue);
}
