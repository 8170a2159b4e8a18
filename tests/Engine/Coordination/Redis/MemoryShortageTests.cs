using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>
/// A server without memory refuses batches, and does everything that lets go of memory or keeps somebody alive: otherwise leases run out exactly then, and a
/// script that stops in the middle leaves counts without references.
/// </summary>
public sealed class MemoryShortageTests
{
    private const long Lease = 1_000_000;

    private static readonly FlushTerms Terms = new(
        Lease, Linger: 0, Hard: Durations.Never, Inactivity: 0, TombstoneLife: 1_000 * Lease, OpenLimit: 100, DeadLetterLimit: 10);

    [Fact]
    public async Task Without_memory_batches_are_refused_and_everything_else_goes_on() => await HoldAsync(null);

    // Each puts a write that needs memory where the first removal was.
    [Theory]
    [InlineData("beat", "  call('ZREM', KEYS[2], id) -- a removal first: nobody must die because memory is full\n", "")]
    [InlineData("claim", "  call('HDEL', KEYS[1], '')\n", "  call('HSET', KEYS[1], '#', meta_now())\n")]
    [InlineData("fence", "  call('ZREM', lease_key, id)\n  call('HDEL', member_key, id)\n", "  call('ZADD', purge_key, purge_at, id)\n  call('ZREM', lease_key, id)\n  call('HDEL', member_key, id)\n")]
    public async Task A_planted_order_of_writes_is_found(string script, string right, string wrong)
    {
        Exception? found = await Record.ExceptionAsync(() => HoldAsync((name, source) =>
        {
            if (!source.Contains(right, StringComparison.Ordinal))
                return source;
            Assert.Equal(2, source.Split(right).Length);
            return source.Replace(right, wrong, StringComparison.Ordinal);
        }));
        Assert.True(found is CoordinatorException or Xunit.Sdk.XunitException, $"Not found: {script}.");
        TestContext.Current.TestOutputHelper!.WriteLine($"{script}: {found.Message}");
    }

    private static async Task HoldAsync(Func<string, string, string>? mutate)
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync(["--maxmemory-policy", "noeviction"], TestContext.Current.CancellationToken);
        await using HandDrivenRedis driven = await HandDrivenRedis.StartAsync(server, mutate);
        CoordinationNamespace space = driven.Namespace(Item.Schema, "shortage", partitions: 1);
        long now = (await SendAsync(new PokeRequest(0))).Now;
        IncarnationId dead = new(now, 0, 1), living = new(now, 0, 2);
        await FlushAsync(dead, 1, Item.Hold("held by the dead", 1));
        await FlushAsync(living, 1, Item.Hold("held", 1), Item.Drop("due", 1));
        await driven.StepClockAsync(Lease / 2);
        await FlushAsync(living, 2, Item.Hold("held", 1));
        await driven.StepClockAsync(Lease / 2);

        await ShrinkAsync("1");
        CoordinatorException refused = await Assert.ThrowsAsync<CoordinatorException>(() => FlushAsync(living, 3, Item.Hold("held", 1)));
        Assert.Equal(RequestOutcome.NotApplied, refused.Outcome);
        BeatReply beat = await SendAsync(new BeatRequest(living, Lease, 8));
        Assert.Equal(BeatStatus.Alive, beat.Status);
        Assert.Equal([dead], beat.Expired);
        Assert.True((await SendAsync(new ReapRequest(dead, 8, 0, Terms.TombstoneLife))).WasExpired);
        ClaimReply claimed = await SendAsync(new ClaimRequest(8, Lease));
        ClaimTicket[] tickets = [.. claimed.Claims.Select(static session => new ClaimTicket(session.Resource, session.Generation, session.Token))];
        Assert.Equal(2, tickets.Length);
        Assert.Equal([true, true], (await SendAsync(new ExtendRequest([.. tickets], Lease))).Held);
        Assert.Equal([true, true], (await SendAsync(new AcknowledgeRequest([.. tickets]))).Accepted);

        await ShrinkAsync("0");
        Assert.Equal(FlushStatus.Applied, (await FlushAsync(living, 3, Item.Hold("held", 1))).Status);
        Sluice.Coordination.Redis.PartitionSnapshot snapshot = await driven.SnapshotAsync(space, 0);
        Assert.Empty(snapshot.Faults);
        Assert.Empty(PartitionInvariants.Check(snapshot.State));

        Task ShrinkAsync(string bytes) => server.AskAsync(["CONFIG", "SET", "maxmemory", bytes], TestContext.Current.CancellationToken);

        Task<FlushReply> FlushAsync(IncarnationId lane, long number, params BatchItem[] items) =>
            SendAsync(new FlushRequest(space.Layout, lane, number, (ulong)number, [.. items], Terms));

        async Task<TReply> SendAsync<TReply>(CoordinatorRequest<TReply> request) =>
            await driven.Coordinator.SendAsync(space, 0, request, TestContext.Current.CancellationToken);
    }
}
