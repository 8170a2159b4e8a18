using System.Globalization;
using Sluice.Resp.Client;
using Sluice.Resp.Connection;
using Xunit;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>Subscriptions against a real server that is cruel to them.</summary>
public sealed class LivePubSubTests : IAsyncLifetime
{
    private LiveServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await LiveServer.StartAsync();

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;

    // Prevents a promise that holds with a server that is played by hand only: both dialects, all three kinds, two connections lost on the way.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_thousand_subscriptions_survive_lost_connections_and_each_is_told(bool version3)
    {
        await using SubscriptionReconciler reconciler = Reconcilers.Make(version3 ? _server.Terms : _server.OldTerms);
        await using RespLink publisher = new(_server.Terms);
        RespSubscription[] subscriptions = await Task.WhenAll(Enumerable.Range(0, 1000).Select(number =>
            RespSubscription.CreateAsync(reconciler, (RespSubscriptionKind)(number % 3), Name(number), null, TimeProvider.System, Token).AsTask()));
        for (int round = 0; round < 3; round++)
        {
            long[] receivers = await Task.WhenAll(Enumerable.Range(0, 1000).Select(number =>
                AskAsync(publisher, number % 3 == 2 ? "SPUBLISH" : "PUBLISH", Name(number).Replace('*', 'x'), round.ToString(CultureInfo.InvariantCulture))));
            Assert.All(receivers, count => Assert.Equal(1, count));
            for (int number = 0; number < 1000; number++)
            {
                if (round > 0)
                    Assert.Equal(RespGapReasons.ConnectionLost, (await NextAsync(subscriptions[number])).Gap?.Reasons);
                RespMessage message = await NextAsync(subscriptions[number]);
                Assert.Equal((Name(number).Replace('*', 'x'), round.ToString(CultureInfo.InvariantCulture)), (message.Channel, message.Text));
            }

            if (round == 2)
                break;
            Assert.Equal(1, await _server.KillAsync("pubsub"));
            await SubscribeAndLeaveAsync(reconciler, "probe");
            await reconciler.WhenSettledAsync(Token);
        }

        foreach (RespSubscription subscription in subscriptions)
            await subscription.DisposeAsync();
        await reconciler.WhenSettledAsync(Token);
        Assert.Equal(("", "", 0), await SubscribedAsync());
        Assert.Equal(0, reconciler.Link.Current!.InFlight);
        Assert.Equal(0, reconciler.Names);
        Assert.Equal(0, reconciler.UnknownPushes);

        static string Name(int number) => number % 3 == 1 ? $"p{number}-*" : $"c{number}";
    }

    // Prevents drift between what is wanted and what the server has, by any order of wishes, confirmations and deaths that nobody thought of.
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public async Task A_storm_of_wishes_with_connections_that_die_ends_in_exactly_what_is_wanted(int seed, bool version3)
    {
        const int Workers = 8, Steps = 400, Names = 24, Kills = 25;
        await using SubscriptionReconciler reconciler = Reconcilers.Make((version3 ? _server.Terms : _server.OldTerms) with { Seed = seed });
        List<RespSubscription>[] held = [.. Enumerable.Range(0, Workers).Select(_ => new List<RespSubscription>())];
        int steps = 0;
        Task[] workers = [.. Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(worker), Token))];
        Task all = Task.WhenAll(workers);
        int killed = 0;
        for (int kill = 0; kill < Kills && !all.IsCompleted; kill++)
        {
            // Evenly over the steps, wherever the workers are then.
            while (Volatile.Read(ref steps) < kill * Workers * Steps / Kills && !all.IsCompleted)
                await Task.Yield();
            killed += await _server.KillAsync("pubsub");
        }

        await all;
        await SubscribeAndLeaveAsync(reconciler, "probe");
        await reconciler.WhenSettledAsync(Token);
        (string channels, string shards, int patterns) = await SubscribedAsync();
        Assert.Equal(Wanted(RespSubscriptionKind.Channel), channels);
        Assert.Equal(Wanted(RespSubscriptionKind.Shard), shards);
        Assert.Equal(Wanted(RespSubscriptionKind.Pattern).Split(' ', StringSplitOptions.RemoveEmptyEntries).Length, patterns);
        Assert.True(killed > 0, "No connection was killed: the storm shows nothing.");

        // Every subscriber that is left hears; nobody who has left keeps anything.
        await using RespLink publisher = new(_server.Terms);
        foreach (RespSubscription subscription in held.SelectMany(list => list))
        {
            await AskAsync(publisher, subscription.Kind == RespSubscriptionKind.Shard ? "SPUBLISH" : "PUBLISH", subscription.Name, "last");
            RespMessage message;
            do
                message = await NextAsync(subscription);
            while (message.IsGap);
            Assert.Equal("last", message.Text);
            await subscription.DisposeAsync();
        }

        await reconciler.WhenSettledAsync(Token);
        Assert.Equal(("", "", 0), await SubscribedAsync());
        Assert.Equal(0, reconciler.Link.Current!.InFlight);
        Assert.Equal(0, reconciler.Names);

        string Wanted(RespSubscriptionKind kind) => Join(held.SelectMany(list => list).Where(one => one.Kind == kind).Select(one => one.Name));

        async Task WorkAsync(int worker)
        {
            Random random = new((seed * 1000) + worker);
            for (int step = 0; step < Steps; step++)
            {
                Interlocked.Increment(ref steps);
                List<RespSubscription> mine = held[worker];
                if (mine.Count != 0 && random.Next(2) == 0)
                {
                    int leaving = random.Next(mine.Count);
                    await mine[leaving].DisposeAsync();
                    mine.RemoveAt(leaving);
                    continue;
                }

                using CancellationTokenSource impatience = CancellationTokenSource.CreateLinkedTokenSource(Token);
                RespSubscriptionKind kind = (RespSubscriptionKind)random.Next(3);
                Task<RespSubscription> subscribing =
                    RespSubscription.CreateAsync(reconciler, kind, $"{kind}{random.Next(Names)}", null, TimeProvider.System, impatience.Token).AsTask();
                if (random.Next(8) == 0)
                    await impatience.CancelAsync();
                try
                {
                    mine.Add(await subscribing);
                }
                catch (OperationCanceledException) when (impatience.IsCancellationRequested)
                {
                    // Given up: nothing of it may be left.
                }
            }
        }
    }

    // Prevents a stalled connection: one that does not read must cost the others nothing.
    [Fact]
    public async Task A_subscriber_that_never_reads_stops_nobody_and_learns_how_much_it_missed()
    {
        const int Messages = 20_000;
        await using SubscriptionReconciler reconciler = Reconcilers.Make(_server.Terms);
        RespSubscription asleep = await RespSubscription.CreateAsync(
            reconciler, RespSubscriptionKind.Channel, "a", new RespSubscriptionOptions { BufferedMessages = 100 }, TimeProvider.System, Token);
        Counting counting = new(Messages);
        await reconciler.SubscribeAsync(RespSubscriptionKind.Channel, "a"u8.ToArray(), counting, Token);
        await using RespLink publisher = new(_server.Terms);
        for (int sent = 0; sent < Messages; sent += 1000)
            await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => AskAsync(publisher, "PUBLISH", "a", "x")));
        await counting.Done.WaitAsync(Token);
        Assert.Equal(Messages - 100, asleep.Dropped);
        Assert.Equal(Messages - 100, (await NextAsync(asleep)).Gap!.Dropped);
        Assert.Equal("x", (await NextAsync(asleep)).Text);
    }

    private static async Task<long> AskAsync(RespLink link, params string[] words)
    {
        ReplySlot slot = link.Rent(ReplyKind.Int64, new SendTerms(0, Token));
        ValueTask<long> reply = new(slot, slot.Token);
        Send(link, slot, words);
        return await reply;
    }

    private static void Send(RespLink link, ReplySlot slot, string[] words)
    {
        link.Start();
        using RespCommandWriter writer = new(stackalloc byte[256]);
        foreach (string word in words)
            writer.Write(word);
        link.Send(writer.Complete(), slot);
    }

    private static async Task SubscribeAndLeaveAsync(SubscriptionReconciler reconciler, string name)
    {
        // A confirmation that is asked for after a kill comes over the connection after it.
        await using RespSubscription probe = await RespSubscription.CreateAsync(reconciler, RespSubscriptionKind.Channel, name, null, TimeProvider.System, Token);
    }

    private static async Task<RespMessage> NextAsync(RespSubscription subscription)
    {
        RespMessage message;
        while (!subscription.TryRead(out message))
            Assert.True(await subscription.WaitToReadAsync(Token));
        return message;
    }

    private static string Join(IEnumerable<string> names) => string.Join(' ', names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));

    private async Task<(string Channels, string Shards, int Patterns)> SubscribedAsync()
    {
        string patterns = await _server.AskAsync("PUBSUB", "NUMPAT");
        return (await ListAsync("CHANNELS"), await ListAsync("SHARDCHANNELS"), int.Parse(patterns.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture));

        async Task<string> ListAsync(string what) =>
            Join((await _server.AskAsync("PUBSUB", what)).Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] is not ('*' or '$')));
    }

    private sealed class Counting(int until) : MessageHandler
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _count;

        public Task Done => _done.Task;

        public override void OnMessage(ref PushedMessage message)
        {
            if (++_count == until)
                _done.SetResult();
        }

        public override void OnGap(RespGap gap) => _done.TrySetException(new InvalidOperationException("A gap where nothing was lost."));

        public override void OnEnded(Exception reason) => _done.TrySetException(reason);
    }
}
