using System.Text.Json;
using RabbitMQ.Client;
using Sluice.Harness;
using Xunit;

namespace Sluice.Samples.Tests.Purchases;

/// <summary>The consumer of a RabbitMQ queue, as processes that die: the totals in the database are exact, whatever was delivered, or published, again.</summary>
public sealed class QueueConsumerTests(PurchaseServers servers)
{
    private const int Purchases = 15_000;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds => [1, 2];

    // Killed three times at points of the seed. Its publisher was not told of some messages either, and has published them twice: the number that it gives them says that they are the same.
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_consumer_that_is_killed_again_and_again_leaves_exact_totals(int seed)
    {
        await using PurchaseStage stage = await PurchaseStage.StartAsync(servers);
        await using IConnection connection = await ConnectAsync();
        await using IChannel channel = await OpenAsync(connection, stage);
        Random random = new(seed);
        List<(string Customer, long Cents)> bought = stage.Buy(Purchases, random);
        int repeated = random.Next(100, 500);
        await PublishAsync(channel, stage, bought, first: 0, Purchases / 2);
        await PublishAsync(channel, stage, bought, (Purchases / 2) - repeated, Purchases);
        int messages = Purchases + repeated;
        for (int kill = 1; kill <= 3; kill++)
        {
            // Requeued messages count as not delivered, so each kill comes later in the queue than the one before.
            ProcessHost consumer = await ConsumeAsync(stage);
            int target = random.Next((kill - 1) * messages / 4, kill * messages / 4);
            await Eventually.UntilAsync(async () => messages - (int)await ReadyAsync(channel, stage) > target, Cancellation);
            await PurchaseStage.KillAsync(consumer);
        }

        ProcessHost last = await ConsumeAsync(stage);
        await stage.WhenWrittenAsync();
        await Eventually.UntilAsync(async () => await ReadyAsync(channel, stage) == 0, Cancellation);
        await PurchaseStage.StopAsync(last);
        Assert.Equal(0u, await ReadyAsync(channel, stage));
        await stage.AssertExactAsync();
        Assert.True(await stage.DeliveriesAsync() >= messages);
    }

    // One is active and the other stands by: when the first dies, the second is given what it had not acknowledged, and goes on.
    [Fact]
    public async Task Another_consumer_that_stands_by_takes_over_and_counts_nothing_twice()
    {
        await using PurchaseStage stage = await PurchaseStage.StartAsync(servers);
        await using IConnection connection = await ConnectAsync();
        await using IChannel channel = await OpenAsync(connection, stage);
        Random random = new(3);
        await PublishAsync(channel, stage, stage.Buy(Purchases, random), first: 0, Purchases);

        // Merged, and not flushed for long: what it has is delivered to the other, whole.
        ProcessHost active = await ConsumeAsync(stage, "--Sluice:FlushInterval", "00:00:10");
        await Eventually.UntilAsync(async () => await ReadyAsync(channel, stage) < Purchases, Cancellation);
        ProcessHost other = await ConsumeAsync(stage);
        await PurchaseStage.KillAsync(active);

        await stage.WhenWrittenAsync();
        await PurchaseStage.StopAsync(other);
        Assert.Equal(0u, await ReadyAsync(channel, stage));
        await stage.AssertExactAsync();
    }

    // Prevents: one message that is no purchase being delivered for ever, and an acknowledgement of messages that the broker has been told of already, which ends the channel.
    [Fact]
    public async Task A_message_that_is_no_purchase_holds_nobody_up()
    {
        await using PurchaseStage stage = await PurchaseStage.StartAsync(servers);
        await using IConnection connection = await ConnectAsync();
        await using IChannel channel = await OpenAsync(connection, stage);
        List<(string Customer, long Cents)> bought = stage.Buy(20, new Random(4));
        await PublishAsync(channel, stage, bought, first: 0, 10);
        await channel.BasicPublishAsync("", stage.Name, "no purchase"u8.ToArray(), Cancellation);
        await PublishAsync(channel, stage, bought, first: 10, 20);
        await channel.BasicPublishAsync("", stage.Name, "{}"u8.ToArray(), Cancellation);

        ProcessHost consumer = await ConsumeAsync(stage);
        await stage.WhenWrittenAsync();
        await PurchaseStage.StopAsync(consumer);

        Assert.Equal(0u, await ReadyAsync(channel, stage));
        Assert.Contains("is no purchase", consumer.Transcript, StringComparison.Ordinal);
        Assert.DoesNotContain("can't be read now", consumer.Transcript, StringComparison.Ordinal);
        await stage.AssertExactAsync();
    }

    private async Task<IConnection> ConnectAsync() =>
        await new ConnectionFactory { Uri = new Uri((await servers.RabbitAsync()).Url), AutomaticRecoveryEnabled = false }.CreateConnectionAsync("test", Cancellation);

    /// <summary>A channel that waits for confirmations, and the queue as the consumer declares it.</summary>
    private static async Task<IChannel> OpenAsync(IConnection connection, PurchaseStage stage)
    {
        IChannel channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true, outstandingPublisherConfirmationsRateLimiter: null), Cancellation);
        Dictionary<string, object?> terms = new(StringComparer.Ordinal) { ["x-single-active-consumer"] = true };
        await channel.QueueDeclareAsync(stage.Name, durable: true, exclusive: false, autoDelete: false, terms, cancellationToken: Cancellation);
        return channel;
    }

    /// <summary>Publishes with at most 500 that are not confirmed: half of the window that the consumer counts on.</summary>
    private static async Task PublishAsync(IChannel channel, PurchaseStage stage, List<(string Customer, long Cents)> bought, int first, int end)
    {
        foreach (int[] some in Enumerable.Range(first, end - first).Chunk(500))
        {
            await Task.WhenAll(some.Select(i =>
            {
                BasicProperties properties = new() { Headers = new Dictionary<string, object?>(StringComparer.Ordinal) { ["position"] = i + 1L } };
                byte[] body = JsonSerializer.SerializeToUtf8Bytes(new { customer = bought[i].Customer, cents = bought[i].Cents });
                return channel.BasicPublishAsync("", stage.Name, mandatory: true, properties, body, Cancellation).AsTask();
            }));
        }
    }

    /// <summary>Messages that no consumer has.</summary>
    private static async Task<uint> ReadyAsync(IChannel channel, PurchaseStage stage) => (await channel.QueueDeclarePassiveAsync(stage.Name, Cancellation)).MessageCount;

    private async Task<ProcessHost> ConsumeAsync(PurchaseStage stage, params string[] settings) => await stage.ConsumeAsync(
    [
        "--Broker", "rabbitmq", "--Queue:Server", (await servers.RabbitAsync()).Url, "--Queue:Queue", stage.Name, "--Queue:Prefetch", "1000", "--Queue:PublisherWindow", "1000",
        "--Queue:AcknowledgeEvery", "00:00:00.020", .. settings,
    ]);
}
