using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>Locks as applications use them, between engines that share nothing but a server.</summary>
public sealed class EngineLocksOnRedisTests
{
    // No backstop comes to help within the life of a test: what is granted was told by a push, and what is lost was told by the server.
    private static readonly TimeSpan NeverDuringTheTest = TimeSpan.FromMinutes(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: waiters that are found by the backstop only, a part of a lease late.
    [Fact]
    public async Task A_lock_is_handed_from_engine_to_engine_by_a_push()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using SluiceEngine first = await EngineAsync(server, NeverDuringTheTest), second = await EngineAsync(server, NeverDuringTheTest);
        long highest = 0;
        for (int i = 0; i < 50; i++)
        {
            LockHandle held = await first.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation);
            Assert.True(held.FencingToken > highest);
            Task<LockHandle> waiting = second.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation).AsTask();
            while ((await first.Locks.Mutex("x").GetParticipantsAsync(Cancellation)).Waiting == 0)
                Cancellation.ThrowIfCancellationRequested();
            Assert.Equal(ReleaseOutcome.Released, await held.ReleaseAsync(Cancellation));
            await using LockHandle next = await waiting;
            Assert.True(next.FencingToken > held.FencingToken);
            highest = next.FencingToken;
        }
    }

    // Prevents: a holder that works on for ever after the server lost the lock.
    [Fact]
    public async Task A_holder_is_told_that_the_server_has_forgotten_its_lock()
    {
        await using PrivateRedisServer server = await StartAsync();
        await using SluiceEngine engine = await EngineAsync(server, TimeSpan.FromSeconds(2)), other = await EngineAsync(server, TimeSpan.FromSeconds(2));
        LockHandle held = await engine.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation);
        TaskCompletionSource lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = held.LostToken.Register(lost.SetResult);
        Assert.Equal("+OK", await server.AskAsync(["FLUSHALL"], Cancellation));
        await lost.Task.WaitAsync(Cancellation);
        Assert.False(held.IsHeld);
        await using LockHandle next = await other.Locks.Mutex("x").AcquireAsync(NeverDuringTheTest, Cancellation);
        Assert.True(next.FencingToken > held.FencingToken);
        Assert.Equal(ReleaseOutcome.AlreadyLost, await held.ReleaseAsync(Cancellation));
        Assert.True(next.IsHeld);
    }

    private static Task<SluiceEngine> EngineAsync(PrivateRedisServer server, TimeSpan lease) => SluiceEngine.StartAsync(
        new EngineOptions { Redis = { server.Url }, Partitions = 4, Locks = { LeaseDuration = lease } }, Cancellation);

    private static async Task<PrivateRedisServer> StartAsync()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        return await PrivateRedisServer.StartAsync([], Cancellation);
    }
}
