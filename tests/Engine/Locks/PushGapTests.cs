using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>
/// Who is granted while pushes are not heard is looked up as soon as they are heard again. In none of these does time pass, so no backstop helps: what is not
/// found by the look-up after the gap is not found.
/// </summary>
public sealed class PushGapTests : IAsyncDisposable
{
    private readonly LockStage _stage = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    // Prevents: a waiter that is granted between its acquire and its subscription, and sleeps on.
    [Fact]
    public async Task A_waiter_that_is_granted_before_pushes_are_heard_is_found_when_they_are()
    {
        Scene scene = await Scene.BeginAsync(_stage);
        int before = scene.Connection.Renewals;
        await scene.GrantUnheardAsync();
        scene.Connection.TellGap();
        Assert.True((await scene.GrantedAsync()).IsHeld);
        Assert.Equal(before + 1, scene.Connection.Renewals);
    }

    // Prevents: a test like the one above that would be content with a subscription after which nobody looks.
    [Fact]
    public async Task Without_the_look_after_subscribing_the_waiter_sleeps_on()
    {
        Scene scene = await Scene.BeginAsync(_stage);
        int before = scene.Connection.Renewals;
        scene.Connection.LosesGaps = true;
        await scene.GrantUnheardAsync();
        scene.Connection.TellGap();
        await scene.Client.Keeper.IdleAsync();
        Assert.Equal((before, false), (scene.Connection.Renewals, scene.Waiting.IsCompleted));
        await scene.Client.StopAsync(Cancellation);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => scene.Waiting);
    }

    // Prevents: a look-up that was under way when pushes were lost being taken for the one after the gap.
    [Fact]
    public async Task A_gap_during_a_renewal_is_followed_by_another_one()
    {
        Scene scene = await Scene.BeginAsync(_stage);
        int before = scene.Connection.Renewals;
        scene.Connection.BeforeRenewed = () =>
        {
            scene.Connection.BeforeRenewed = null;
            scene.GrantUnheardAsync().GetAwaiter().GetResult();
            scene.Connection.TellGap();
        };
        scene.Connection.TellGap();
        Assert.True((await scene.GrantedAsync()).IsHeld);
        Assert.Equal(before + 2, scene.Connection.Renewals);
    }

    // Prevents: a waiter whose acquire was under way during the gap, so that the look-up left it out, and whose push was lost.
    [Fact]
    public async Task A_gap_while_an_acquire_is_under_way_is_followed_by_a_look_when_it_is_answered()
    {
        (LockClient one, _) = _stage.NewEngine();
        (LockClient two, CuttableLocks connection) = _stage.NewEngine();
        LockHandle first = await LockStage.Mutex(one).AcquireAsync(cancellation: Cancellation);
        await (await LockStage.Mutex(two, "y").AcquireAsync(cancellation: Cancellation)).ReleaseAsync(Cancellation);
        connection.BeforeReply = request =>
        {
            // Its reply says "waiting", and is true no longer when it arrives.
            if (request is not AcquireRequest)
                return;
            connection.BeforeReply = null;
            connection.LosesPushes = true;
            first.ReleaseAsync(Cancellation).AsTask().GetAwaiter().GetResult();
            connection.LosesPushes = false;
            connection.TellGap();
            two.Keeper.IdleAsync().AsTask().GetAwaiter().GetResult();
        };
        Task<LockHandle?> waiting = LockStage.Mutex(two).TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        Assert.True((await waiting.WaitAsync(TimeSpan.FromSeconds(30), Cancellation))!.IsHeld);
    }

    // Prevents: one look-up of many, and the rest of the waiters a third of a lease later.
    [Fact]
    public async Task After_a_gap_all_waiters_are_looked_up_however_many_they_are()
    {
        const int Waiters = 1000;
        (LockClient one, _) = _stage.NewEngine();
        (LockClient two, CuttableLocks connection) = _stage.NewEngine();
        List<LockHandle> held = [];
        List<Task<LockHandle?>> waiting = [];
        for (int i = 0; i < Waiters; i++)
        {
            held.Add(await LockStage.Mutex(one, $"r{i}").AcquireAsync(cancellation: Cancellation));
            waiting.Add(LockStage.Mutex(two, $"r{i}").TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask());
        }

        // One renewal has begun to look them up when pushes are lost.
        connection.TellGap();
        await two.Keeper.IdleAsync();
        connection.LosesPushes = true;
        foreach (LockHandle handle in held)
            await handle.ReleaseAsync(Cancellation);
        connection.LosesPushes = false;
        connection.TellGap();
        LockHandle?[] granted = await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.All(granted, static handle => Assert.True(handle!.IsHeld));
    }

    /// <summary>One engine waits for what another holds.</summary>
    private sealed record Scene(LockClient Client, CuttableLocks Connection, LockHandle First, Task<LockHandle?> Waiting)
    {
        public static async Task<Scene> BeginAsync(LockStage stage)
        {
            (LockClient one, _) = stage.NewEngine();
            (LockClient two, CuttableLocks connection) = stage.NewEngine();
            LockHandle first = await LockStage.Mutex(one).AcquireAsync(cancellation: Cancellation);
            Task<LockHandle?> waiting = LockStage.Mutex(two).TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
            await LockStage.UntilAsync(() => stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
            await two.Keeper.IdleAsync();
            return new Scene(two, connection, first, waiting);
        }

        public async Task GrantUnheardAsync()
        {
            Connection.LosesPushes = true;
            Assert.Equal(ReleaseOutcome.Released, await First.ReleaseAsync(Cancellation));
            Connection.LosesPushes = false;
        }

        public async Task<LockHandle> GrantedAsync() => (await Waiting.WaitAsync(TimeSpan.FromSeconds(30), Cancellation))!;
    }
}
