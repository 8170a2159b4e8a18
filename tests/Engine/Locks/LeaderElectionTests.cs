using System.Collections.Concurrent;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>Leaders that lose their office, and get it again.</summary>
public sealed class LeaderElectionTests : IAsyncDisposable
{
    private readonly LockStage _stage = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    // Prevents: two that lead because the first was not told, and a candidate that is gone for ever after one lost term.
    [Fact]
    public async Task A_leader_that_is_cut_off_is_told_before_another_leads_and_stands_again()
    {
        (LockClient one, CuttableLocks connection) = _stage.NewEngine();
        (LockClient two, _) = _stage.NewEngine();
        EngineLeaderElection first = new(LockStage.Target(one, kind: LockTarget.LeaderKind)), second = new(LockStage.Target(two, kind: LockTarget.LeaderKind));
        ConcurrentQueue<(string Who, long Token)> terms = new();
        TaskCompletionSource told = new(TaskCreationOptions.RunContinuationsAsynchronously), resign = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task campaign = first.RunAsync(
            async (handle, stop) =>
            {
                terms.Enqueue(("first", handle.FencingToken));
                if (told.Task.IsCompleted)
                    return;
                await using CancellationTokenRegistration registration = stop.Register(told.SetResult);
                await Task.Delay(Timeout.InfiniteTimeSpan, stop);
            },
            Cancellation);
        await LockStage.UntilAsync(() => first.IsLeader);
        Task other = second.RunAsync(
            async (handle, _) =>
            {
                terms.Enqueue(("second", handle.FencingToken));
                await resign.Task;
            },
            Cancellation);
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));

        // Until the margin has begun, and not until the lease is over.
        connection.IsCut = true;
        await _stage.PassAsync(LockStage.Lease - TimeSpan.FromMilliseconds(500));
        await told.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.Equal((false, false), (first.IsLeader, second.IsLeader));
        await LockStage.UntilAsync(() =>
        {
            _stage.Time.Advance(TimeSpan.FromMilliseconds(50));
            return second.IsLeader;
        });
        connection.IsCut = false;
        resign.SetResult();
        await other;
        await _stage.EndsSoonAsync(campaign);
        await campaign;
        Assert.Equal(["first", "second", "first"], terms.Select(static term => term.Who));
        Assert.Equal(terms.Select(static term => term.Token).Order(), terms.Select(static term => term.Token));
    }
}
