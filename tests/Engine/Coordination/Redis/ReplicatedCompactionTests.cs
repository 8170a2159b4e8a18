using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>Where replicas have to answer for writes, they have to for what opaque deltas were merged into: it is about to be delivered.</summary>
public sealed class ReplicatedCompactionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: a merge that is delivered, lost with its server, and delivered once more with another content.
    [Fact]
    public async Task What_was_merged_counts_as_stored_only_when_replicas_have_it()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer primary = await PrivateRedisServer.StartAsync(["--repl-diskless-sync-delay", "0"], Cancellation);
        await using PrivateRedisServer replica = await PrivateRedisServer.StartAsync([], Cancellation);
        await using RedisCoordinator careless = new(new RedisOptions { primary.Url });
        await using RedisCoordinator careful = new(Replicated(primary, TimeSpan.FromMilliseconds(100)));
        CoordinationNamespace space = new("replicated", OpaqueDeltas.Schema, 1);
        PokeReply poked = await careless.SendAsync(space, 0, new PokeRequest(0), Cancellation);
        await careless.SendAsync(
            space, 0, new FlushRequest(space.Layout, new IncarnationId(poked.Now, 1, 2), 1, 3, [OpaqueDeltas.Hold("a", 5, 1, 2, 3), OpaqueDeltas.Hold("b", 5, 1, 2, 3)], PartitionUnderTest.Terms), Cancellation);
        CompactRequest first = await PlanAsync("a"), second = await PlanAsync("b");

        // Nobody has it but the server: it may be stored, and must not be taken for stored.
        CoordinatorException e = await Assert.ThrowsAsync<CoordinatorException>(async () => await careful.SendAsync(space, 0, first, Cancellation));
        Assert.Equal(RequestOutcome.Unknown, e.Outcome);
        Assert.Equal([CompactStatus.Superseded], await careless.SendAsync(space, 0, first, Cancellation) is { Statuses: var statuses } ? statuses : []);

        // A repeat that changes nothing waits all the same: what its first copy wrote is not on a replica yet.
        e = await Assert.ThrowsAsync<CoordinatorException>(async () => await careful.SendAsync(space, 0, first, Cancellation));
        Assert.Contains("0 of 1 replicas had the write", e.Message, StringComparison.Ordinal);

        await replica.AskAsync(["REPLICAOF", "127.0.0.1", $"{primary.EndPoint.Port}"], Cancellation);
        while (!(await replica.AskAsync(["INFO", "replication"], Cancellation)).Contains("master_link_status:up", StringComparison.Ordinal))
            await Task.Delay(20, Cancellation);
        while ((await primary.AskAsync(["WAIT", "1", "1000"], Cancellation)).Contains('0', StringComparison.Ordinal))
            Cancellation.ThrowIfCancellationRequested();
        await using RedisCoordinator patient = new(Replicated(primary, TimeSpan.FromSeconds(30)));
        Assert.Equal([CompactStatus.Superseded], (await AnsweredAsync(patient, first)).Statuses);
        Assert.Equal([CompactStatus.Compacted], (await patient.SendAsync(space, 0, second, Cancellation)).Statuses);

        // Where the request itself has opened the connection, nothing says which server wrote: it is asked again, as an engine does.
        async Task<CompactReply> AnsweredAsync(RedisCoordinator coordinator, CompactRequest request)
        {
            try
            {
                return await coordinator.SendAsync(space, 0, request, Cancellation);
            }
            catch (CoordinatorException opened) when (opened.Outcome == RequestOutcome.Unknown)
            {
                return await coordinator.SendAsync(space, 0, request, Cancellation);
            }
        }

        async Task<CompactRequest> PlanAsync(string resource)
        {
            PeekReply peeked = await careless.SendAsync(space, 0, new PeekRequest([ResourceKey.Of(resource)]), Cancellation);
            return new CompactRequest([OpaqueDeltas.Compact(ResourceKey.Of(resource), peeked.Resources[0].Generation, peeked.Resources[0].Open)]);
        }
    }

    private static RedisOptions Replicated(PrivateRedisServer primary, TimeSpan timeout)
    {
        RedisOptions options = new() { WaitReplicas = 1, WaitTimeout = timeout };
        options.Add(primary.Url);
        return options;
    }
}
