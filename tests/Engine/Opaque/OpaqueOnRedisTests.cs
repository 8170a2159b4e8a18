using System.Collections.Concurrent;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Opaque;

/// <summary>Opaque states of several engines on a real server, with everything going on at once.</summary>
public sealed class OpaqueOnRedisTests(SharedRedisServer shared)
{
    // Prevents: what the single steps keep, and the whole of them does not: flushes, folds, compactions and completions of three engines side by side.
    [Fact]
    public async Task Engines_that_flush_compact_and_complete_side_by_side_deliver_every_contribution_once()
    {
        PrivateRedisServer server = await shared.GetAsync();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(3));
        CancellationToken cancellation = limit.Token;
        const int Engines = 3, Rounds = 60, Keys = 5;
        string prefix = SharedRedisServer.NewPrefix();
        ConcurrentDictionary<string, byte> seen = new();
        ConcurrentBag<Marked> completed = [];
        List<SluiceEngine> engines = [];
        List<Aggregator<string, MarkedTotal, MarkedTotal.Event>> totals = [];
        try
        {
            for (int i = 0; i < Engines; i++)
            {
                engines.Add(await SluiceEngine.StartAsync(
                    new EngineOptions
                    {
                        Redis = { server.Url },
                        Prefix = prefix,
                        Partitions = 2,
                        FlushInterval = TimeSpan.FromMilliseconds(5),
                        BatchLinger = TimeSpan.Zero,
                        SoftSession = null,
                        HardSession = null,
                    },
                    cancellation));
                totals.Add(engines[^1].Aggregate(MarkedTotal.Definition, options => options.OnComplete = (completion, _) =>
                {
                    if (seen.TryAdd(completion.IdempotencyKey, 0))
                        completed.Add(completion.Value.Total);
                    return ValueTask.CompletedTask;
                }));
            }

            await Task.WhenAll(totals.Select((total, engine) => Task.Run(
                async () =>
                {
                    Random random = new(engine);
                    for (int round = 0; round < Rounds; round++)
                    {
                        for (int i = 0; i < 40; i++)
                            await total.MergeAsync($"{random.Next(Keys)}", new MarkedTotal.Event { Total = new Marked(1) }, cancellation);
                        if (round % 10 == 9)
                            await total.ForceExpireAsync($"{random.Next(Keys)}", cancellation);
                        else
                            await total.FlushAsync($"{random.Next(Keys)}", cancellation);
                    }
                },
                cancellation)));
            foreach (Aggregator<string, MarkedTotal, MarkedTotal.Event> total in totals)
                await total.ExpireAllAsync(cancellation);
            foreach (SluiceEngine engine in engines)
                await engine.QuiesceAsync(cancellation);
            foreach (SluiceEngine engine in engines)
            {
                ShutdownReport report = await engine.StopAsync(TimeSpan.FromMinutes(1), cancellation);
                Assert.True(report is { IsClean: true, DeadLetters: 0 }, $"{report}");
            }
        }
        finally
        {
            foreach (SluiceEngine engine in engines)
                await engine.AbandonAsync();
        }

        Assert.Equal(Engines * Rounds * 40, completed.Sum(static total => total.Sum));
    }
}
