using System.Globalization;
using System.Text;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>One record with more holders than a script can pass on in one call.</summary>
public sealed class ManyHoldersTests
{
    private const int Holders = 10_000;

    // Every acquisition writes the record anew, so to make this many by asking would take the square of their number. What the first one has left is copied on the server.
    private const string CopyTheFirst = """
        local entry = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
        local resource = redis.call('HKEYS', KEYS[2])[1]
        local record = redis.call('HGET', KEYS[2], resource)
        local session, flags, rest = string.sub(entry, 1, 19), string.sub(record, 1, 1), string.sub(record, 28)
        local parts = {record}
        for number = 2, tonumber(ARGV[1]) do
          local handle = session .. struct.pack('>I7', number)
          parts[number] = handle .. rest
          redis.call('ZADD', KEYS[1], 0, handle .. string.sub(entry, 27))
        end
        redis.call('HSET', KEYS[2], resource, table.concat(parts))
        return #parts
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: a semaphore that nobody can acquire or release any more, because its holders are more than a script can take apart at once.
    [Fact]
    public async Task A_semaphore_with_ten_thousand_holders_is_acquired_released_asked_back_and_swept()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], Cancellation);
        await using RealTimeLockServer locks = new(server.Url);
        LockNamespace space = new(locks.Prefix, 4);
        await using LockPartitionUnderTest partition = new(locks, space);
        SessionUnderTest many = await partition.OpenAsync(), one = await partition.OpenAsync();
        HandleUnderTest first = await many.AcquireAsync(LockMode.Permit, "p", capacity: Holders);
        string[] keys = [.. new LockPartitionKeys(space.Name, 0).All.Select(static key => Encoding.ASCII.GetString(key))];
        string copied = await server.AskAsync(
            ["EVAL", CopyTheFirst, "2", keys.Single(static key => key.EndsWith(":h", StringComparison.Ordinal)), keys.Single(static key => key.EndsWith(":r", StringComparison.Ordinal)), Holders.ToString(CultureInfo.InvariantCulture)],
            Cancellation);
        Assert.Equal($":{Holders}", copied.TrimEnd());
        Assert.Equal(Holders, await many.CountAsync(Holders));

        Assert.Equal(AcquireStatus.Busy, (await one.AcquireAsync(LockMode.Permit, "p", capacity: Holders, waits: false)).Status);
        HandleUnderTest waiting = await one.AcquireAsync(LockMode.Permit, "p", capacity: Holders);
        Assert.Equal(AcquireStatus.Waiting, waiting.Status);
        Assert.Equal(ReleaseStatus.Released, await many.ReleaseAsync(Holders / 2));
        Assert.True(await waiting.GrantedAsync() > first.Token);
        Assert.Equal(Holders, (await partition.ParticipantsAsync("p")).Holders.Length);
        Assert.Equal(Holders, await partition.RevokeAsync("p"));

        // Their session dies: who looks takes all of them back in one go.
        await many.CloseAsync(limit: 0);
        Assert.Equal(AcquireStatus.Granted, (await one.AcquireAsync(LockMode.Permit, "p", capacity: 2, waits: false)).Status);
        Assert.Equal(2, (await partition.ParticipantsAsync("p")).Holders.Length);
        await one.CloseAsync();
        Assert.Empty(await partition.LeftoversAsync());
    }
}
