using System.Globalization;
using Sluice.Resp.Client;
using Xunit;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>The promise of a stream, held against a server that breaks everything but the protocol.</summary>
public sealed class GapTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Prevents silent loss in any interleaving: from its confirmation on a subscriber has every number, or a gap where numbers are missing; and in the end the server has what is wanted.
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    public async Task From_its_confirmation_on_a_subscriber_has_every_message_or_a_gap_in_its_place(int seed)
    {
        const int Workers = 6, Steps = 150, Names = 10;
        ScriptedServer script = new();
        await using UnreliableServer server = new(script, seed);
        server.Start();
        await using SubscriptionReconciler reconciler = Reconcilers.Make(script.Terms with { Seed = seed, CommandTimeout = 60_000 });
        using CancellationTokenSource calm = new();
        Task publishing = Task.Run(PublishAsync, Token);
        List<(RespSubscription Subscription, Task<(int, int)> Listening)>[] held = [.. Enumerable.Range(0, Workers).Select(_ => new List<(RespSubscription, Task<(int, int)>)>())];
        List<Task<(int Messages, int Gaps)>> left = [];
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(worker), Token)));

        server.IsCalm = true;
        await (await SubscribeAsync("c-probe")).DisposeAsync();
        await reconciler.WhenSettledAsync(Token);
        string[] wanted = [.. held.SelectMany(list => list).Select(one => one.Subscription.Name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        Assert.Equal(wanted, await server.SubscribedAsync());
        await calm.CancelAsync();
        await publishing;
        foreach ((RespSubscription subscription, Task<(int, int)> listening) in held.SelectMany(list => list))
        {
            await subscription.DisposeAsync();
            left.Add(listening);
        }

        (int Messages, int Gaps)[] heard = await Task.WhenAll(left);
        Assert.True(heard.Sum(one => one.Messages) > 1000 && heard.Sum(one => one.Gaps) > 10 && server.Cuts > 3 && server.Evictions > 3,
            $"{heard.Sum(one => one.Messages)} messages, {heard.Sum(one => one.Gaps)} gaps, {server.Cuts} cuts, {server.Evictions} evictions: too little happened.");
        await reconciler.WhenSettledAsync(Token);
        Assert.Empty(await server.SubscribedAsync());
        Assert.Equal(0, reconciler.Link.Current!.InFlight);
        Assert.Equal(0, reconciler.Names);

        Task<RespSubscription> SubscribeAsync(string name) => RespSubscription.CreateAsync(
            reconciler, name[0] == 'S' ? RespSubscriptionKind.Shard : RespSubscriptionKind.Channel, name, null, TimeProvider.System, Token).AsTask();

        async Task PublishAsync()
        {
            Random random = new(seed);
            while (!calm.IsCancellationRequested)
                await server.PublishAsync((random.Next(2) == 0 ? "S" : "c") + random.Next(Names).ToString(CultureInfo.InvariantCulture));
        }

        async Task WorkAsync(int worker)
        {
            Random random = new((seed * 100) + worker);
            for (int step = 0; step < Steps; step++)
            {
                if (held[worker].Count > 3 || (held[worker].Count != 0 && random.Next(3) == 0))
                {
                    (RespSubscription subscription, Task<(int, int)> listening) = held[worker][0];
                    held[worker].RemoveAt(0);
                    await subscription.DisposeAsync();
                    lock (left)
                        left.Add(listening);
                    continue;
                }

                string name = (random.Next(2) == 0 ? "S" : "c") + random.Next(Names).ToString(CultureInfo.InvariantCulture);
                if (random.Next(10) == 0)
                {
                    await Assert.ThrowsAsync<RespServerException>(() => SubscribeAsync(name + "refused"));
                    continue;
                }

                RespSubscription opened = await SubscribeAsync(name);
                long confirmed = await server.LastAsync(name);
                held[worker].Add((opened, Task.Run(() => ListenAsync(opened, confirmed), Token)));
            }
        }

        static async Task<(int Messages, int Gaps)> ListenAsync(RespSubscription subscription, long confirmed)
        {
            (int messages, int gaps) = (0, 0);
            bool mayMiss = false;
            long last = -1;
            await foreach (RespMessage message in subscription)
            {
                if (message.IsGap)
                {
                    (mayMiss, gaps) = (true, gaps + 1);
                    continue;
                }

                long number = long.Parse(message.Text, CultureInfo.InvariantCulture);
                Assert.True(number > last, $"{subscription.Name}: {number} after {last}.");
                if (!mayMiss)
                    Assert.True(last < 0 ? number <= confirmed + 1 : number == last + 1, $"{subscription.Name}: {number} after {(last < 0 ? confirmed : last)}, and no gap.");
                (last, mayMiss, messages) = (number, false, messages + 1);
            }

            return (messages, gaps);
        }
    }
}
