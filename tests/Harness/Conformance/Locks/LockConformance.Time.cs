using Sluice.Coordination;
using Sluice.Locking;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Leases, bounds, sweeps, and a clock that may do what it likes.</summary>
public abstract partial class LockConformance
{
    // Prevents: a lock that stays with a dead process until somebody sweeps.
    [Fact]
    public async Task Who_asks_for_what_a_dead_session_holds_is_granted_at_once()
    {
        SessionUnderTest dead = await Partition.OpenAsync(Short);
        HandleUnderTest held = await dead.LockAsync("x");
        AssertGranted(held);
        SessionUnderTest a = await OpenAsync();
        await ElapseAsync();
        HandleUnderTest next = await a.LockAsync("x", waits: false);
        AssertGranted(next);
        Assert.True(next.Token > held.Token);
        Assert.Equal(AcquireStatus.SessionLost, (await held.AgainAsync()).Status);
        await dead.Wakes.NextAsync(static wake => wake.Kind == LockWakeKind.SessionEnded);
    }

    // Prevents: waiters that sleep on when the holder has died.
    [Fact]
    public async Task A_renewal_by_anybody_takes_back_what_the_dead_held_and_grants_it()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest dead = await Partition.OpenAsync(Short);
        await dead.LockAsync("x");
        HandleUnderTest waiter = await a.LockAsync("x");
        AssertWaits(waiter);
        Assert.True(waiter.Reply.NextExpiry <= waiter.Reply.Now + Short);
        await ElapseAsync();
        RenewReply renewed = await a.RenewAsync(waiter.Number);
        Assert.Equal(HandleStanding.Held, renewed.Handles.Single().Standing);
        Assert.Equal(renewed.Handles.Single().Token, await waiter.GrantedAsync());
        Assert.Empty((await Partition.ParticipantsAsync("x")).Waiters);
    }

    // Prevents: a dead waiter that is granted, or that keeps everybody behind it waiting.
    [Fact]
    public async Task The_dead_are_passed_over_in_the_queue()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest dead = await Partition.OpenAsync(Short);
        HandleUnderTest held = await a.LockAsync("x");
        HandleUnderTest ghost = await dead.LockAsync("x");
        HandleUnderTest living = await a.LockAsync("x");
        AssertWaits(ghost);
        await ElapseAsync();
        Assert.Equal(living.Number, Assert.Single((await Partition.ParticipantsAsync("x")).Waiters).Handle.Number);
        await held.ReleaseAsync();
        await living.GrantedAsync();
    }

    // Prevents: a dead session that comes back to life, with locks that others have meanwhile.
    [Fact]
    public async Task A_lease_that_has_run_out_is_not_renewed()
    {
        SessionUnderTest dead = await Partition.OpenAsync(Short);
        await dead.LockAsync("x");
        await ElapseAsync();
        Assert.False((await dead.RenewAsync()).IsAlive);
        SessionUnderTest a = await OpenAsync();
        AssertGranted(await a.LockAsync("x", waits: false));
    }

    // Prevents: locks that are lost although their process lives.
    [Fact]
    public async Task Renewing_a_session_keeps_everything_that_it_holds()
    {
        SessionUnderTest brief = await Partition.OpenAsync(4 * Short);
        HandleUnderTest x = await brief.LockAsync("x");
        HandleUnderTest y = await brief.LockAsync("y");
        for (int i = 0; i < 6; i++)
        {
            await ElapseAsync();
            Assert.All((await brief.RenewAsync(x.Number, y.Number)).Handles, static handle => Assert.Equal(HandleStanding.Held, handle.Standing));
        }
    }

    // Prevents: one request that takes back ten thousand locks and holds everybody else up.
    [Fact]
    public async Task Sweeps_are_bounded_and_say_when_there_is_more()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest dead = await Partition.OpenAsync(Short);
        for (int i = 0; i < 10; i++)
            await dead.LockAsync($"r{i}");
        await ElapseAsync();
        int sweeps = 0;
        RenewReply reply;
        do
        {
            reply = await a.RenewAsync(limit: 4);
            sweeps++;
            Assert.True(!reply.IsSweepUnfinished || reply.NextExpiry <= reply.Now);
        }
        while (reply.IsSweepUnfinished);
        Assert.InRange(sweeps, 3, 12);
        await a.CloseAsync();
        await AssertNothingIsLeftAsync();
    }

    // Prevents: a bounded goodbye that leaves locks behind.
    [Fact]
    public async Task Closing_takes_back_up_to_a_limit_and_can_be_repeated()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest b = await OpenAsync();
        for (int i = 0; i < 5; i++)
            await a.LockAsync($"r{i}");
        CloseSessionReply closed = await a.CloseAsync(limit: 2);
        Assert.Equal((true, 3), (closed.WasAlive, closed.Remaining));

        // What is still to be taken back is free for who looks.
        for (int i = 0; i < 5; i++)
            AssertGranted(await b.LockAsync($"r{i}", waits: false));
        await a.CloseAsync(limit: 100);
        await b.CloseAsync();
        await AssertNothingIsLeftAsync();
    }

    // Prevents: a hold without end although somebody set one.
    [Fact]
    public async Task A_hold_ends_at_its_bound_although_its_session_lives()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest bounded = await a.LockAsync("x", maxHold: Short);
        HandleUnderTest waiter = await a.LockAsync("x");
        AssertWaits(waiter);
        Assert.True(waiter.Reply.NextExpiry <= bounded.Reply.Since + Short);
        await ElapseAsync();
        RenewReply renewed = await a.RenewAsync(bounded.Number, waiter.Number);
        Assert.Equal(HandleStanding.Unknown, renewed.Handles[0].Standing);
        Assert.Equal(HandleStanding.Held, renewed.Handles[1].Standing);
        await a.Wakes.NextAsync(wake => wake.Kind == LockWakeKind.HoldEnded && wake.Number == bounded.Number);
        Assert.Equal(AcquireStatus.Finished, (await bounded.AgainAsync()).Status);
        Assert.Equal(ReleaseStatus.NotFound, await bounded.ReleaseAsync());
        await waiter.ReleaseAsync();
        await a.CloseAsync();
        await AssertNothingIsLeftAsync();
    }

    // Prevents: a bound that runs while the handle still waits.
    [Fact]
    public async Task A_bound_begins_with_the_grant()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest held = await a.LockAsync("x");
        HandleUnderTest waiter = await a.LockAsync("x", maxHold: 2 * Short);
        await _server.ElapseAsync(2 * Short);
        await held.ReleaseAsync();
        await waiter.GrantedAsync();
        HandleReport report = await a.LookUpAsync(waiter);
        Assert.Equal(HandleStanding.Held, report.Standing);
        Assert.True(report.Since > held.Reply.Since + Short);
    }

    // Prevents: one of several resources that stays held when the bound of all has passed.
    [Fact]
    public async Task The_bound_of_several_resources_ends_all_of_them()
    {
        Assert.SkipUnless(_server.TakesSeveral, "This server takes one resource at a time.");
        SessionUnderTest a = await OpenAsync();
        AcquireRequest both = a.Request([new(ResourceKey.Of("x"), LockMode.Exclusive), new(ResourceKey.Of("y"), LockMode.Exclusive)], maxHold: Short);
        AssertGranted(await a.AcquireAsync(both));
        await ElapseAsync();
        AssertGranted(await a.LockAsync("x", waits: false));
        AssertGranted(await a.LockAsync("y", waits: false));
    }

    // Prevents: a count-down that is remembered for ever.
    [Fact]
    public async Task A_signal_ends_at_its_bound()
    {
        SessionUnderTest a = await OpenAsync();
        await a.AcquireAsync(LockMode.Signal, "x", maxHold: Short);
        AssertGranted(await a.AcquireAsync(LockMode.Await, "x", waits: false));
        await ElapseAsync();
        await a.RenewAsync();
        Assert.Equal(AcquireStatus.Busy, (await a.AcquireAsync(LockMode.Await, "x", waits: false)).Status);
    }

    // Prevents: a latch that closes again because somebody who would be forgotten soon signalled after all who count.
    [Fact]
    public async Task A_short_signal_does_not_shorten_what_it_takes_the_place_of()
    {
        SessionUnderTest a = await OpenAsync();
        await a.AcquireAsync(LockMode.Signal, "x", capacity: 2, maxHold: Long);
        await a.AcquireAsync(LockMode.Signal, "x", capacity: 2, maxHold: Long);
        await a.AcquireAsync(LockMode.Signal, "x", capacity: 2, maxHold: Short);
        await a.AcquireAsync(LockMode.Signal, "x", capacity: 2, maxHold: Short);
        Assert.Equal(2, (await Partition.ParticipantsAsync("x")).Holders.Length);
        await ElapseAsync();
        await a.RenewAsync();
        AssertGranted(await a.AcquireAsync(LockMode.Await, "x", capacity: 2, waits: false));
    }

    // Prevents: a ghost that makes a meeting complete.
    [Fact]
    public async Task The_dead_do_not_come_to_a_rendezvous()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest dead = await Partition.OpenAsync(Short);
        await dead.AcquireAsync(LockMode.Rendezvous, "x", capacity: 2);
        await ElapseAsync();
        HandleUnderTest first = await a.AcquireAsync(LockMode.Rendezvous, "x", capacity: 2);
        AssertWaits(first);
        AssertGranted(await a.AcquireAsync(LockMode.Rendezvous, "x", capacity: 2));
        await first.GrantedAsync();
    }

    // Prevents: nobody dying for an hour after the server's clock was set back by an hour.
    [Fact]
    public async Task After_the_clock_was_set_back_the_next_renewal_brings_deadlines_back_to_their_own_durations()
    {
        Assert.SkipUnless(_server.CanStepClock, ClockCantBeSet);
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest dead = await Partition.OpenAsync(Short);
        HandleUnderTest held = await dead.LockAsync("x");
        HandleUnderTest bounded = await a.LockAsync("y", maxHold: Short);
        HandleUnderTest waiter = await a.LockAsync("x");
        await _server.StepClockAsync(-10 * Long);
        Assert.Equal(HandleStanding.Held, (await a.LookUpAsync(bounded)).Standing);
        await ElapseAsync();
        RenewReply renewed = await a.RenewAsync(bounded.Number, waiter.Number);
        Assert.Equal(HandleStanding.Unknown, renewed.Handles[0].Standing);
        Assert.Equal(HandleStanding.Held, renewed.Handles[1].Standing);
        Assert.True(renewed.Handles[1].Token > held.Token);
    }

    // Prevents: a clock that was set forward keeping anything alive that it should have ended.
    [Fact]
    public async Task After_the_clock_was_set_forward_everybody_has_to_begin_anew()
    {
        Assert.SkipUnless(_server.CanStepClock, ClockCantBeSet);
        SessionUnderTest a = await OpenAsync();
        await a.LockAsync("x");
        await _server.StepClockAsync(10 * Long);
        Assert.False((await a.RenewAsync()).IsAlive);
        SessionUnderTest b = await OpenAsync();
        AssertGranted(await b.LockAsync("x", waits: false));
    }

    private const string ClockCantBeSet = "This server's clock can't be set.";
}
