using Sluice.Harness;
using Sluice.Resp;
using Xunit;

namespace Sluice.Samples.Tests.Purchases;

/// <summary>The consumer of a Redis stream, as processes that die: the totals in the database are exact, whatever was delivered again.</summary>
public sealed class StreamConsumerTests(PurchaseServers servers)
{
    private const int Purchases = 20_000;
    private const string Group = "spending";
    private static readonly Script AddAll = new(
        """
        for i = 1, #ARGV, 2 do
            redis.call('XADD', KEYS[1], '*', 'customer', ARGV[i], 'cents', ARGV[i + 1])
        end
        """);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<int> Seeds => [1, 2];

    // Killed three times at points of the seed: what was merged and not flushed, what was flushed and not acknowledged, and what was read and not merged, is delivered again to the next process.
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_consumer_that_is_killed_again_and_again_leaves_exact_totals(int seed)
    {
        await using PurchaseStage stage = await PurchaseStage.StartAsync(servers);
        await using RespClient client = await ConnectAsync();
        Random random = new(seed);
        await AddAsync(client, stage, Purchases, random);
        for (int kill = 1; kill <= 3; kill++)
        {
            ProcessHost consumer = await ConsumeAsync(stage);
            int target = random.Next((kill - 1) * Purchases / 4, kill * Purchases / 4);
            await Eventually.UntilAsync(async () => await DeliveredAsync(client, stage) > target, Cancellation);
            await PurchaseStage.KillAsync(consumer);
        }

        ProcessHost last = await ConsumeAsync(stage);
        await Eventually.UntilAsync(async () => await DeliveredAsync(client, stage) == Purchases && await PendingAsync(client, stage) == 0, Cancellation);
        await stage.WhenWrittenAsync();
        await PurchaseStage.StopAsync(last);
        await stage.AssertExactAsync();
    }

    // The worst moment, for every event: the coordinator has it, the database even, and the acknowledgement did not come through. All of them are merged a second time.
    [Fact]
    public async Task Events_that_were_counted_and_never_acknowledged_count_once_when_they_come_again()
    {
        const int purchases = 1_000;
        await using PurchaseStage stage = await PurchaseStage.StartAsync(servers);
        await using RespClient client = await ConnectAsync();
        await AddAsync(client, stage, purchases, new Random(3));
        string user = $"user-of-{stage.Name}";
        await client.Command("ACL").Write("SETUSER").Write(user).Write("on").Write(">secret").Write("allkeys").Write("+@all").Write("-xack").ExecuteAsync(cancellationToken: Cancellation);
        string server = new UriBuilder((await servers.RedisAsync()).Url) { UserName = user, Password = "secret" }.Uri.ToString();

        ProcessHost consumer = await ConsumeAsync(stage, "--Stream:Server", server);
        await stage.WhenWrittenAsync();
        Assert.Equal(purchases, await PendingAsync(client, stage));
        await PurchaseStage.KillAsync(consumer);
        Assert.Equal(purchases, await stage.DeliveriesAsync());

        ProcessHost next = await ConsumeAsync(stage);
        await Eventually.UntilAsync(async () => await PendingAsync(client, stage) == 0, Cancellation);
        await PurchaseStage.StopAsync(next);
        await stage.AssertExactAsync();
        Assert.Equal(2 * purchases, await stage.DeliveriesAsync());
    }

    // A process that stands still for longer than its lease: others take its entries over and count them; then it goes on, and sends what it had merged.
    [Fact]
    public async Task A_consumer_that_comes_back_from_a_long_pause_counts_nothing_twice()
    {
        const int purchases = 5_000;
        await using PurchaseStage stage = await PurchaseStage.StartAsync(servers);
        await using RespClient client = await ConnectAsync();
        Random random = new(4);
        await AddAsync(client, stage, purchases, random);

        // Merged, and not flushed for long: it is in the middle of it whenever it is stopped.
        ProcessHost slow = await ConsumeAsync(stage, "--Sluice:FlushInterval", "00:00:10", "--Stream:MaxInFlight", "1000");
        await Eventually.UntilAsync(async () => await PendingAsync(client, stage) > 0, Cancellation);
        slow.Suspend();
        ProcessHost other = await ConsumeAsync(stage);
        await Eventually.UntilAsync(async () => await DeliveredAsync(client, stage) == purchases && await PendingAsync(client, stage) == 0, Cancellation);
        await stage.WhenWrittenAsync();

        slow.Resume();
        await PurchaseStage.StopAsync(slow);
        await PurchaseStage.StopAsync(other);
        await stage.AssertExactAsync();
    }

    // Prevents: one entry that is no purchase being delivered for ever, and holding up the watermark of all behind it.
    [Fact]
    public async Task An_entry_that_is_no_purchase_holds_nobody_up()
    {
        await using PurchaseStage stage = await PurchaseStage.StartAsync(servers);
        await using RespClient client = await ConnectAsync();
        await AddAsync(client, stage, 10, new Random(5));
        await client.Command("XADD").Key(stage.Name).Write("*").Write("customer").Write("ann").Write("cents").Write("many").ExecuteAsync(cancellationToken: Cancellation);
        await AddAsync(client, stage, 10, new Random(6));

        ProcessHost consumer = await ConsumeAsync(stage);
        await Eventually.UntilAsync(async () => await DeliveredAsync(client, stage) == 21 && await PendingAsync(client, stage) == 0, Cancellation);
        await PurchaseStage.StopAsync(consumer);

        Assert.Contains("is no purchase", consumer.Transcript, StringComparison.Ordinal);
        await stage.AssertExactAsync();
    }

    private async Task<RespClient> ConnectAsync() => await RespClient.ConnectAsync((await servers.RedisAsync()).Url, Cancellation);

    private async Task<ProcessHost> ConsumeAsync(PurchaseStage stage, params string[] settings) => await stage.ConsumeAsync(
    [
        "--Broker", "redis", "--Stream:Server", (await servers.RedisAsync()).Url, "--Stream:Stream", stage.Name, "--Stream:Group", Group,
        "--Stream:MaxInFlight", "2000", "--Stream:ClaimAfter", "00:00:01", "--Stream:AcknowledgeEvery", "00:00:00.020", .. settings,
    ]);

    private static async Task AddAsync(RespClient client, PurchaseStage stage, int count, Random random)
    {
        foreach ((string Customer, long Cents)[] some in stage.Buy(count, random).Chunk(1_000))
            await SendAsync(some);

        ValueTask SendAsync((string Customer, long Cents)[] some)
        {
            RespCommand add = client.Command(AddAll, keyCount: 1);
            add.Key(stage.Name);
            foreach ((string customer, long cents) in some)
                add.Write(customer).Write(cents);
            return add.ExecuteAsync(cancellationToken: Cancellation);
        }
    }

    /// <summary>Entries that the group has given to any consumer.</summary>
    private static async Task<long> DeliveredAsync(RespClient client, PurchaseStage stage)
    {
        RespValue groups = await client.Command("XINFO").Write("GROUPS").Key(stage.Name).ToValueAsync(cancellationToken: Cancellation);
        if (groups.Items is not [var group])
            return 0;
        int at = group.Items.Select(static item => item.Kind == RespPrefix.BulkString ? item.AsString() : null).ToList().IndexOf("entries-read");
        return group.Items[at + 1].IsNull ? 0 : group.Items[at + 1].AsInt64();
    }

    private static async Task<long> PendingAsync(RespClient client, PurchaseStage stage)
    {
        RespValue groups = await client.Command("XINFO").Write("GROUPS").Key(stage.Name).ToValueAsync(cancellationToken: Cancellation);
        return groups.Items is [_] ? (await client.Command("XPENDING").Key(stage.Name).Write(Group).ToValueAsync(cancellationToken: Cancellation)).Items[0].AsInt64() : 0;
    }
}
