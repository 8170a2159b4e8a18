using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>The common case of a mutex that nobody else wants has a short way through the scripts.</summary>
public sealed class ShortWayTests
{
    // Behind the short way; whoever comes by when the key is there is told.
    private const string Behind = "-- What transitions share beyond the head";
    private const string Trap = "if call('EXISTS', 'trap:the long way') == 1 then return redis.error_reply('ERR the long way') end\n";

    // Prevents: one broken connection after which a process takes the long way with every lock, for as long as it lives.
    [Fact]
    public async Task A_release_in_doubt_does_not_keep_its_session_off_the_short_way()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], TestContext.Current.CancellationToken);
        await using HandDrivenLockServer locks = new(await HandDrivenRedis.StartAsync(server, static (_, source) => source.Replace(Behind, Trap + Behind, StringComparison.Ordinal)));
        await using LockPartitionUnderTest partition = new(locks, new LockNamespace(locks.Prefix, 4));
        SessionUnderTest a = await partition.OpenAsync();
        HandleUnderTest doubtful = await a.LockAsync("x");
        Assert.Equal(ReleaseStatus.Released, await doubtful.ReleaseAsync(doubtful: true));

        await server.AskAsync(["SET", "trap:the long way", "1"], TestContext.Current.CancellationToken);
        HandleUnderTest held = await a.LockAsync("y");
        Assert.Equal(AcquireStatus.Granted, held.Status);
        Assert.Equal(ReleaseStatus.Released, await held.ReleaseAsync());

        // What was given up in doubt does not get through there.
        await Assert.ThrowsAsync<CoordinatorException>(() => doubtful.AgainAsync());
        await server.AskAsync(["DEL", "trap:the long way"], TestContext.Current.CancellationToken);
        Assert.Equal(AcquireStatus.Finished, (await doubtful.AgainAsync()).Status);
    }
}
