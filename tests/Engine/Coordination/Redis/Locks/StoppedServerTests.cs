using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>One of two servers stands still: neither dead, so that connections would break, nor answering.</summary>
public sealed class StoppedServerTests
{
    private const int Partitions = 16;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: locks of a server that is well being lost, because whoever renews them waits for one that is not.
    [Fact]
    public async Task A_server_that_stands_still_takes_its_own_locks_and_no_others()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer first = await PrivateRedisServer.StartAsync([], Cancellation), second = await PrivateRedisServer.StartAsync([], Cancellation);
        string prefix = SharedRedisServer.NewPrefix();
        await using SluiceEngine engine = await SluiceEngine.StartAsync(
            new EngineOptions { Redis = { first.Url, second.Url }, Partitions = Partitions, Prefix = prefix, Locks = { LeaseDuration = TimeSpan.FromSeconds(6) } }, Cancellation);
        RendezvousServers placement = new([.. new[] { first, second }.Select(static server => Resp.RespClientOptions.Parse(server.Url).Endpoint.ToString())]);
        LockHandle well = await engine.Locks.Mutex(NameOn(0)).AcquireAsync(TimeSpan.FromSeconds(30), Cancellation);
        LockHandle bounded = await engine.Locks.Mutex(NameOn(0) + "'", new LockOptions { MaxHold = TimeSpan.FromSeconds(3) }).AcquireAsync(TimeSpan.FromSeconds(30), Cancellation);
        LockHandle cut = await engine.Locks.Mutex(NameOn(1)).AcquireAsync(TimeSpan.FromSeconds(30), Cancellation);
        TaskCompletionSource boundPassed = new(TaskCreationOptions.RunContinuationsAsynchronously), lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration one = bounded.LostToken.Register(boundPassed.SetResult), two = cut.LostToken.Register(lost.SetResult);

        second.Process.Suspend();
        try
        {
            // The bound passes while the renewal of the other server is not answered: it is noticed when it passes, and not when nobody waits for the other any more.
            await boundPassed.Task.WaitAsync(Cancellation);
            Assert.True(cut.IsHeld);
            await lost.Task.WaitAsync(Cancellation);
            Assert.Equal((LockHandleState.Held, false), (well.State, well.LostToken.IsCancellationRequested));
        }
        finally
        {
            second.Process.Resume();
        }

        Assert.Equal(ReleaseOutcome.Released, await well.ReleaseAsync(Cancellation));

        string NameOn(int server)
        {
            LockNamespace space = new(prefix, Partitions);
            return Enumerable.Range(0, 1000).Select(static i => $"n{i}").First(name =>
                placement.Of(space.Name, LockTarget.ResourceOf(LockTarget.MutexKind, name).Partition(Partitions)) == server
                && (server == 1 || placement.Of(space.Name, LockTarget.ResourceOf(LockTarget.MutexKind, name + "'").Partition(Partitions)) == server));
        }
    }
}
