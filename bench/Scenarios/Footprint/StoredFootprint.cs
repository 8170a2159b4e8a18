using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Flushing;
using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Footprint;

/// <summary>Bytes of the server's memory for one resource, by its state: the growth of what the allocator gave out, over how many there are.</summary>
/// <param name="Held">Open, held by one process, with an update.</param>
/// <param name="Ended">Open, held by nobody, due.</param>
/// <param name="Sealed">Claimed.</param>
internal sealed record StoredFootprint(double Held, double Ended, double Sealed)
{
    private const int Dead = 2_000;

    public static async Task<StoredFootprint> MeasureAsync(BenchServer server, int counters, CancellationToken cancellation)
    {
        await using RespClient client = await ConnectAsync(server, cancellation);
        PartitionLoad[] loads = await PartitionLoad.CreateAsync(client, "footprint", counters, 50, seed: 1, cancellation);
        double resources = loads.Sum(static load => load.Pass);

        // The scripts are known to the server before it is asked.
        await LifeAsync(loads);
        ServerUsage empty = await ServerUsage.NowAsync(server, cancellation);
        await Task.WhenAll(loads.Select(static load => load.JoinAsync()));
        ServerUsage held = await ServerUsage.NowAsync(server, cancellation);
        await Task.WhenAll(loads.Select(static load => load.DropAsync()));
        ServerUsage ended = await ServerUsage.NowAsync(server, cancellation);
        await Task.WhenAll(loads.Select(static load => load.ClaimAsync()));
        ServerUsage claimed = await ServerUsage.NowAsync(server, cancellation);
        await Task.WhenAll(loads.Select(static load => load.AcknowledgeAsync()));
        return new StoredFootprint(held.Since(empty).Memory / resources, ended.Since(empty).Memory / resources, claimed.Since(empty).Memory / resources);
    }

    /// <summary>What is left of an incarnation that left.</summary>
    public static async Task<double> TombstoneAsync(BenchServer server, CancellationToken cancellation)
    {
        await using RespClient client = await ConnectAsync(server, cancellation);
        CoordinationNamespace space = new("tombstones", PartitionLoad.Schema(2), 1);
        RedisPartition partition = new(client, RedisScripts.Shipped, new PartitionKeys(space.Name, 0), SchemaDescriptor.For(space.Schema), cancellation);
        FlushTerms terms = new(3_600_000_000, 0, Durations.Never, Inactivity: 0, TombstoneLife: 86_400_000_000, OpenLimit: 1_000, DeadLetterLimit: 100);
        await LiveAndLeaveAsync(0);
        ServerUsage before = await ServerUsage.NowAsync(server, cancellation);
        for (int i = 1; i <= Dead; i++)
            await LiveAndLeaveAsync((ulong)i);
        return (double)(await ServerUsage.NowAsync(server, cancellation)).Since(before).Memory / Dead;

        async Task LiveAndLeaveAsync(ulong life)
        {
            PokeReply reply = await partition.PokeAsync(new PokeRequest(0));
            IncarnationId incarnation = new(reply.Now, 7, life);
            await partition.FlushAsync(new FlushRequest(space.Layout, incarnation, 1, Hash: 0xB0B0, [], terms));
            LeaveReply left = await partition.LeaveAsync(new LeaveRequest(incarnation, terms.TombstoneLife));
            if (!left.HasLeft)
                throw new InvalidOperationException("An incarnation that holds nothing could not leave.");
        }
    }

    private static async Task LifeAsync(PartitionLoad[] loads)
    {
        await Task.WhenAll(loads.Select(static load => load.JoinAsync()));
        await Task.WhenAll(loads.Select(static load => load.DropAsync()));
        await Task.WhenAll(loads.Select(static load => load.ClaimAsync()));
        await Task.WhenAll(loads.Select(static load => load.AcknowledgeAsync()));
    }

    private static ValueTask<RespClient> ConnectAsync(BenchServer server, CancellationToken cancellation) => RespClient.ConnectAsync(
        new RespClientOptions { Endpoint = RespEndpoint.Tcp(server.EndPoint.Address.ToString(), server.EndPoint.Port), Connections = 1 }, cancellation);
}
