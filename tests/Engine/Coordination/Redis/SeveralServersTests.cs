using System.Collections.Concurrent;
using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Tests.Running;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>Partitions spread over several servers: each finds its own, and one server that is down stops its partitions and no others.</summary>
public sealed class SeveralServersTests
{
    private const int Partitions = 24;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Every_process_finds_the_same_server_in_whatever_order_it_names_them()
    {
        RendezvousServers one = new(["a:1", "b:1", "c:1"]), other = new(["c:1", "a:1", "b:1"]);
        string[] names = ["a:1", "b:1", "c:1"], otherNames = ["c:1", "a:1", "b:1"];
        int[] counts = new int[3];
        for (int partition = 0; partition < 3000; partition++)
        {
            Assert.Equal(names[one.Of("space", partition)], otherNames[other.Of("space", partition)]);
            counts[one.Of("space", partition)]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 850, 1150));
        Assert.Equal(one.Fingerprint, other.Fingerprint);
        Assert.NotEqual(one.Fingerprint, new RendezvousServers(["a:1", "b:1"]).Fingerprint);
        Assert.Equal("", new RendezvousServers(["a:1"]).Fingerprint);
    }

    // Rendezvous hashing: a server that is added takes partitions from the others, and moves none between them.
    [Fact]
    public void A_server_that_is_added_moves_only_what_it_takes()
    {
        RendezvousServers three = new(["a:1", "b:1", "c:1"]), four = new(["a:1", "b:1", "c:1", "d:1"]);
        Assert.All(Enumerable.Range(0, 1000), partition => Assert.True(four.Of("space", partition) == 3 || four.Of("space", partition) == three.Of("space", partition)));
    }

    [Fact]
    public async Task A_server_that_is_down_stops_its_partitions_and_no_others()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer first = await StartAsync(), second = await StartAsync(), third = await StartAsync();
        ConcurrentDictionary<string, long> completed = new();
        await using SluiceEngine engine = await SluiceEngine.StartAsync(
            new EngineOptions { Redis = { first.Url, second.Url, third.Url }, Partitions = Partitions, FlushInterval = TimeSpan.FromMilliseconds(20), RequestTimeout = TimeSpan.FromMilliseconds(500) }, Cancellation);
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = (completion, _) =>
        {
            completed.AddOrUpdate(completion.Resource, completion.Value.Hits, (_, hits) => hits + completion.Value.Hits);
            return ValueTask.CompletedTask;
        });
        RendezvousServers placement = new([.. new[] { first, second, third }.Select(static server => Resp.RespClientOptions.Parse(server.Url).Endpoint.ToString())]);
        string[] keys = [.. Enumerable.Range(0, 300).Select(static i => $"key-{i}")];
        ILookup<int, string> byServer = keys.ToLookup(key => placement.Of(visits.Runtime.Space.Name, ResourceKey.Of(key).Partition(Partitions)));
        Assert.Equal(3, byServer.Count);

        second.Process.Kill();
        foreach (string key in keys)
            await visits.MergeAsync(key, new Visit.Event { Hits = 1 }, Cancellation);
        foreach (string key in byServer[0].Concat(byServer[2]))
            await visits.ForceExpireAsync(key, Cancellation);
        await Stage.UntilAsync(() => byServer[0].Concat(byServer[2]).All(completed.ContainsKey));
        Assert.DoesNotContain(byServer[1], completed.ContainsKey);

        await second.RestartAsync(Cancellation);
        await visits.ExpireAllAsync(Cancellation);
        await Stage.UntilAsync(() => completed.Count == keys.Length);
        Assert.All(completed.Values, hits => Assert.Equal(1, hits));
    }

    // Prevents: a process with another list that puts a partition's data where nobody else looks.
    [Fact]
    public async Task A_process_that_names_other_servers_is_told_so_by_every_partition_that_they_share()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer first = await StartAsync(), second = await StartAsync();
        await using RedisCoordinator both = new(new RedisOptions { first.Url, second.Url }), alone = new(new RedisOptions { first.Url });
        CoordinationNamespace spread = new("list", Item.Schema, Partitions, both.Servers), single = new("list", Item.Schema, Partitions, alone.Servers);
        RendezvousServers placement = new([.. new[] { first, second }.Select(static server => Resp.RespClientOptions.Parse(server.Url).Endpoint.ToString())]);
        // There are so many that each server has some, whatever their ports are.
        int shared = Enumerable.Range(0, Partitions).First(partition => placement.Of(spread.Name, partition) == 0);
        Assert.Equal(FlushStatus.Applied, (await FlushAsync(both, spread, shared)).Status);
        Assert.Equal(FlushStatus.LayoutMismatch, (await FlushAsync(alone, single, shared)).Status);
    }

    private static async Task<FlushReply> FlushAsync(Coordinator coordinator, CoordinationNamespace space, int partition)
    {
        PokeReply poked = await coordinator.SendAsync(space, partition, new PokeRequest(0), Cancellation);
        return await coordinator.SendAsync(
            space, partition, new FlushRequest(space.Layout, new IncarnationId(poked.Now, 1, 2), 1, 3, [Item.Hold("a", 1)], PartitionUnderTest.Terms), Cancellation);
    }

    private static Task<PrivateRedisServer> StartAsync() => PrivateRedisServer.StartAsync([], Cancellation);
}
