using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>What a handle knows of itself while its engine's connection, its server and its time do what they like.</summary>
public sealed class LeaseTests : IAsyncDisposable
{
    private readonly LockStage _stage = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    // Prevents: locks lost although everybody is well.
    [Fact]
    public async Task A_lock_is_renewed_for_as_long_as_it_is_held()
    {
        (LockClient client, CuttableLocks connection) = _stage.NewEngine();
        LockHandle held = await LockStage.Mutex(client).AcquireAsync(cancellation: Cancellation);
        await _stage.PassAsync(LockStage.Lease * 5);
        Assert.Equal(LockHandleState.Held, held.State);
        Assert.True(held.Remaining > LockStage.Lease / 2);
        Assert.Equal(ReleaseOutcome.Released, await held.ReleaseAsync(Cancellation));
        Assert.Equal(LockHandleState.Released, held.State);
        Assert.Equal(TimeSpan.Zero, held.Remaining);

        // The pool may be full of the application's work; renewals don't need it.
        Assert.NotEmpty(connection.RenewedByPool);
        Assert.DoesNotContain(true, connection.RenewedByPool);
    }

    // Prevents: a holder that goes on working when somebody else can have the lock.
    [Fact]
    public async Task A_cut_connection_suspends_and_the_loss_is_told_before_the_server_can_give_the_lock_away()
    {
        (LockClient client, CuttableLocks connection) = _stage.NewEngine();
        LockHandle held = await LockStage.Mutex(client).AcquireAsync(cancellation: Cancellation);
        TaskCompletionSource<bool> lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
        held.LostToken.Register(() => lost.TrySetResult(Thread.CurrentThread.IsThreadPoolThread));
        connection.IsCut = true;
        await _stage.PassAsync(LockStage.Lease / 2);
        Assert.Equal(LockHandleState.Suspended, held.State);
        Assert.True(held.IsHeld);

        // In steps, so that the moment of the loss can be compared with the server's deadline.
        while (held.State != LockHandleState.Lost)
        {
            Assert.Contains(_stage.State.Sessions.Values, session => session.LeaseDeadline > _stage.ServerNow);
            await _stage.PassAsync(TimeSpan.FromMilliseconds(100));
        }

        Assert.Contains(_stage.State.Sessions.Values, session => session.LeaseDeadline > _stage.ServerNow);
        Assert.False(await lost.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancellation), "The pool may be busy with what should stop.");
        Assert.Equal((false, TimeSpan.Zero), (held.IsHeld, held.Remaining));
        Assert.Equal(ReleaseOutcome.AlreadyLost, await held.ReleaseAsync(Cancellation));
    }

    // Prevents: a handle that comes back to life after its process was told that it is lost.
    [Fact]
    public async Task A_lost_handle_stays_lost_and_the_next_acquisition_has_a_higher_token()
    {
        (LockClient client, CuttableLocks connection) = _stage.NewEngine();
        IMutex mutex = LockStage.Mutex(client);
        LockHandle held = await mutex.AcquireAsync(cancellation: Cancellation);
        connection.IsCut = true;
        await _stage.PassAsync(LockStage.Lease);
        connection.IsCut = false;
        await _stage.PassAsync(LockStage.Lease);
        Assert.Equal(LockHandleState.Lost, held.State);
        LockHandle next = await mutex.AcquireAsync(cancellation: Cancellation);
        Assert.True(next.FencingToken > held.FencingToken);
        Assert.Equal(LockHandleState.Lost, held.State);
        await next.ReleaseAsync(Cancellation);
    }

    // Prevents: a process that slept through its lease finding itself the holder when it wakes up.
    [Fact]
    public async Task After_a_pause_the_first_look_says_lost()
    {
        (LockClient client, _) = _stage.NewEngine();
        (LockClient other, _) = _stage.NewEngine();
        LockHandle held = await LockStage.Mutex(client).AcquireAsync(cancellation: Cancellation);

        // One leap: nothing of this process runs meanwhile.
        _stage.Time.Leap(LockStage.Lease * 2);
        Assert.False(held.IsHeld);
        Assert.Equal(TimeSpan.Zero, held.Remaining);
        Assert.NotNull(await LockStage.Mutex(other).TryAcquireAsync(cancellation: Cancellation));
        Assert.True(held.LostToken.IsCancellationRequested);
    }

    // Prevents: a waiter that hangs because a push was lost.
    [Fact]
    public async Task A_push_that_was_lost_is_made_up_for_by_the_next_renewal()
    {
        (LockClient one, _) = _stage.NewEngine();
        (LockClient two, CuttableLocks connection) = _stage.NewEngine();
        LockHandle first = await LockStage.Mutex(one).AcquireAsync(cancellation: Cancellation);
        connection.LosesPushes = true;
        Task<LockHandle?> second = LockStage.Mutex(two).TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
        await first.ReleaseAsync(Cancellation);
        await _stage.PassAsync(LockStage.Lease / 2);
        LockHandle? held = await second.WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
        Assert.True(held!.FencingToken > first.FencingToken);
        Assert.True(held.IsHeld);
    }

    // Prevents: a waiter that waits for ever for somebody who is dead.
    [Fact]
    public async Task A_waiter_is_granted_when_the_holders_lease_has_run_out()
    {
        (LockClient one, CuttableLocks connection) = _stage.NewEngine();
        (LockClient two, _) = _stage.NewEngine();
        LockHandle first = await LockStage.Mutex(one).AcquireAsync(cancellation: Cancellation);
        Task<LockHandle?> second = LockStage.Mutex(two).TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
        connection.IsCut = true;
        await _stage.PassAsync(LockStage.Lease * 2);
        LockHandle? held = await second.WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
        Assert.True(held!.FencingToken > first.FencingToken);
        Assert.False(first.IsHeld);
    }

    // Prevents: "released" when it may be held, and "lost" when it was released.
    [Fact]
    public async Task A_release_whose_reply_was_lost_is_asked_for_again_and_says_released()
    {
        (LockClient client, CuttableLocks connection) = _stage.NewEngine();
        LockHandle held = await LockStage.Mutex(client).AcquireAsync(cancellation: Cancellation);
        connection.LoseReplies(1);
        Task<ReleaseOutcome> release = held.ReleaseAsync(Cancellation).AsTask();
        await _stage.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(ReleaseOutcome.Released, await release.WaitAsync(TimeSpan.FromMinutes(1), Cancellation));
        Assert.Equal(ReleaseOutcome.Released, await held.ReleaseAsync(Cancellation));
        Assert.Empty(_stage.State.Records);
    }

    // Prevents: a caller that waits for a server that does not come back, or believes that it released.
    [Fact]
    public async Task A_release_that_nobody_answers_ends_with_the_lease_and_says_unknown()
    {
        (LockClient client, CuttableLocks connection) = _stage.NewEngine();
        LockHandle held = await LockStage.Mutex(client).AcquireAsync(cancellation: Cancellation);
        connection.IsCut = true;
        Task<ReleaseOutcome> release = held.ReleaseAsync(Cancellation).AsTask();
        await _stage.PassAsync(LockStage.Lease * 2);
        Assert.Equal(ReleaseOutcome.Unknown, await release.WaitAsync(TimeSpan.FromMinutes(1), Cancellation));
    }

    // Prevents: the second try of an acquisition waiting behind its first.
    [Fact]
    public async Task An_acquire_whose_reply_was_lost_is_asked_for_again_under_its_number()
    {
        (LockClient client, CuttableLocks connection) = _stage.NewEngine();
        IMutex mutex = LockStage.Mutex(client);
        await (await mutex.AcquireAsync(cancellation: Cancellation)).ReleaseAsync(Cancellation);
        connection.LoseReplies(2);
        Task<LockHandle?> acquire = mutex.TryAcquireAsync(TimeSpan.FromSeconds(5), Cancellation).AsTask();
        await _stage.PassAsync(TimeSpan.FromSeconds(2));
        LockHandle held = (await acquire.WaitAsync(TimeSpan.FromMinutes(1), Cancellation))!;
        Assert.Equal(held.FencingToken, Assert.Single(Assert.Single(_stage.State.Records.Values).Holders).Token);
        await held.ReleaseAsync(Cancellation);

        // Its number is remembered, because a copy of the acquire may still be under way.
        Assert.Single(Assert.Single(_stage.State.Sessions.Values).Finished);
        Assert.Empty(_stage.State.Records);
    }

    // Prevents: locks that the server lost with its last writes and the engine believes in until it releases them.
    [Fact]
    public async Task A_hold_that_the_server_has_forgotten_is_lost_at_the_next_renewal()
    {
        (LockClient client, _) = _stage.NewEngine();
        LockHandle kept = await LockStage.Mutex(client, "kept").AcquireAsync(cancellation: Cancellation);
        LockPartitionState before = _stage.State;
        LockHandle forgotten = await LockStage.Mutex(client, "forgotten").AcquireAsync(cancellation: Cancellation);
        _stage.Server.Restore(_stage.Space, 0, before);
        await _stage.PassAsync(LockStage.Lease / 2);
        Assert.Equal((LockHandleState.Held, LockHandleState.Lost), (kept.State, forgotten.State));

        // What it has seen keeps tokens growing over what the server lost.
        Assert.True((await LockStage.Mutex(client, "forgotten").AcquireAsync(cancellation: Cancellation)).FencingToken > forgotten.FencingToken);
    }

    // Prevents: a waiter that the server has forgotten and that nobody will ever grant.
    [Fact]
    public async Task A_wait_that_the_server_has_forgotten_begins_anew()
    {
        (LockClient one, _) = _stage.NewEngine();
        (LockClient two, _) = _stage.NewEngine();
        LockHandle first = await LockStage.Mutex(one).AcquireAsync(cancellation: Cancellation);
        await (await LockStage.Mutex(two, "y").AcquireAsync(cancellation: Cancellation)).ReleaseAsync(Cancellation);
        LockPartitionState before = _stage.State;
        Task<LockHandle?> second = LockStage.Mutex(two).TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
        _stage.Server.Restore(_stage.Space, 0, before);
        await _stage.PassAsync(LockStage.Lease / 2);
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
        await first.ReleaseAsync(Cancellation);
        Assert.True((await second.WaitAsync(TimeSpan.FromMinutes(1), Cancellation))!.IsHeld);
    }

    // Prevents: a hold without end; and a bound that ends the lock at the server first.
    [Fact]
    public async Task A_bound_ends_the_hold_here_before_it_ends_there_and_the_next_is_granted()
    {
        (LockClient one, _) = _stage.NewEngine();
        (LockClient two, _) = _stage.NewEngine();
        LockHandle first = await LockStage.Mutex(one, maxHold: TimeSpan.FromSeconds(20)).AcquireAsync(cancellation: Cancellation);
        Task<LockHandle?> second = LockStage.Mutex(two).TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
        Assert.True(first.Remaining <= TimeSpan.FromSeconds(20));
        await _stage.PassAsync(TimeSpan.FromSeconds(15));
        Assert.True(first.IsHeld);
        Assert.False(second.IsCompleted);

        // In small steps: there is none after which both hold, and the second is granted before the bound has passed there, because the first gives back what it has lost.
        long deadline = _stage.State.Records.Values.Single().Holders.Single().Deadline;
        bool wasFirst = false;
        for (int i = 0; i < 60; i++)
        {
            await _stage.PassAsync(TimeSpan.FromMilliseconds(100));
            LockHolder holder = _stage.State.Records.Values.Single().Holders.Single();
            bool isSecond = holder.Token != first.FencingToken;
            Assert.False(isSecond && first.IsHeld, "Somebody else has it, and the first believes to have it.");
            wasFirst |= isSecond && _stage.ServerNow < deadline;
        }

        Assert.True(wasFirst);
        Assert.True((await second.WaitAsync(TimeSpan.FromMinutes(1), Cancellation))!.FencingToken > first.FencingToken);
        Assert.Equal(LockHandleState.Lost, first.State);
        Assert.True(first.LostToken.IsCancellationRequested);
    }

    // Prevents: an idle engine that renews partitions where it holds nothing, for ever.
    [Fact]
    public async Task A_session_that_nobody_uses_is_closed_and_opened_again_when_it_is_needed()
    {
        (LockClient client, CuttableLocks connection) = _stage.NewEngine();
        IMutex mutex = LockStage.Mutex(client);
        await (await mutex.AcquireAsync(cancellation: Cancellation)).ReleaseAsync(Cancellation);
        await _stage.PassAsync(LockStage.Lease * 2);
        await LockStage.UntilAsync(() => _stage.State.Sessions.IsEmpty);
        int renewals = connection.Renewals;
        await _stage.PassAsync(LockStage.Lease * 2);
        Assert.Equal(renewals, connection.Renewals);
        await (await mutex.AcquireAsync(cancellation: Cancellation)).ReleaseAsync(Cancellation);
    }

    // Prevents: a look-up of every held lock in one request.
    [Fact]
    public async Task Hundreds_of_locks_are_renewed_by_one_request_and_looked_up_in_turn()
    {
        (LockClient client, CuttableLocks connection) = _stage.NewEngine();
        List<LockHandle> held = [];
        for (int i = 0; i < 300; i++)
            held.Add(await LockStage.Mutex(client, $"r{i}").AcquireAsync(cancellation: Cancellation));
        int before = connection.Renewals;
        await _stage.PassAsync(LockStage.Lease * 3);
        Assert.InRange(connection.Renewals - before, 5, 12);
        Assert.All(held, static handle => Assert.True(handle.IsHeld));
    }

    // Prevents: a stop after which others wait for leases.
    [Fact]
    public async Task A_stop_gives_everything_back_and_tells_who_holds_and_who_waits()
    {
        (LockClient client, _) = _stage.NewEngine();
        LockHandle held = await LockStage.Mutex(client).AcquireAsync(cancellation: Cancellation);
        Task<LockHandle?> waiting = LockStage.Mutex(client).TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(() => _stage.State.Records.Values.Any(static record => !record.Waiters.IsEmpty));
        await client.StopAsync(Cancellation);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(TimeSpan.FromMinutes(1), Cancellation));
        Assert.Equal(LockHandleState.Lost, held.State);
        Assert.Empty(_stage.State.Sessions);
        Assert.Empty(_stage.State.Records);
    }
}
