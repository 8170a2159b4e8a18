using Sluice.Coordination;
using Sluice.Locking;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Who may hold beside whom, and who comes next.</summary>
public abstract partial class LockConformance
{
    // Prevents: two holders.
    [Fact]
    public async Task A_mutex_has_one_holder_and_hands_over_in_order_of_arrival()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest b = await OpenAsync();
        HandleUnderTest first = await a.LockAsync("x");
        AssertGranted(first);
        HandleUnderTest second = await b.LockAsync("x");
        HandleUnderTest third = await a.LockAsync("x");
        AssertWaits(second);
        AssertWaits(third);
        Assert.Equal(AcquireStatus.Busy, (await b.LockAsync("x", waits: false)).Status);

        Assert.Equal(ReleaseStatus.Released, await first.ReleaseAsync());
        long token = await second.GrantedAsync();
        Assert.True(token > first.Token);
        Assert.Equal(AcquireStatus.Waiting, (await third.AgainAsync()).Status);
        Assert.Equal(ReleaseStatus.Released, await second.ReleaseAsync());
        Assert.True(await third.GrantedAsync() > token);
    }

    // Prevents: max_leases ignored, or a permit that is lost.
    [Fact]
    public async Task A_semaphore_has_as_many_holders_as_its_capacity()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest first = await a.AcquireAsync(LockMode.Permit, "x", capacity: 2);
        HandleUnderTest second = await a.AcquireAsync(LockMode.Permit, "x", capacity: 2);
        HandleUnderTest third = await a.AcquireAsync(LockMode.Permit, "x", capacity: 2);
        AssertGranted(first);
        AssertGranted(second);
        AssertWaits(third);

        // Whoever says that there may be three is granted the third.
        HandleUnderTest generous = await a.AcquireAsync(LockMode.Permit, "x", capacity: 4);
        AssertGranted(generous);
        await generous.ReleaseAsync();
        await second.ReleaseAsync();
        await third.GrantedAsync();
        Assert.Equal(2, (await Partition.ParticipantsAsync("x")).Holders.Length);
    }

    // Prevents: a reader beside a writer, readers that exclude each other.
    [Fact]
    public async Task Readers_share_and_a_writer_excludes_them()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest reader = await a.AcquireAsync(LockMode.Shared, "x");
        HandleUnderTest another = await a.AcquireAsync(LockMode.Shared, "x");
        HandleUnderTest writer = await a.AcquireAsync(LockMode.Exclusive, "x");
        AssertGranted(reader);
        AssertGranted(another);
        AssertWaits(writer);
        await reader.ReleaseAsync();
        Assert.Equal(AcquireStatus.Waiting, (await writer.AgainAsync()).Status);
        await another.ReleaseAsync();
        Assert.True(await writer.GrantedAsync() > another.Token);
        AssertWaits(await a.AcquireAsync(LockMode.Shared, "x"));
    }

    // Prevents: writers that starve because readers always overlap.
    [Fact]
    public async Task Readers_wait_while_a_writer_waits_and_are_granted_together_after_it()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest reader = await a.AcquireAsync(LockMode.Shared, "x");
        HandleUnderTest writer = await a.AcquireAsync(LockMode.Exclusive, "x");
        HandleUnderTest late = await a.AcquireAsync(LockMode.Shared, "x");
        HandleUnderTest later = await a.AcquireAsync(LockMode.Shared, "x");
        HandleUnderTest secondWriter = await a.AcquireAsync(LockMode.Exclusive, "x");
        AssertWaits(late);
        AssertWaits(later);
        await reader.ReleaseAsync();
        await writer.GrantedAsync();
        await writer.ReleaseAsync();

        // Writers first: the second one came after the readers and goes before them.
        await secondWriter.GrantedAsync();
        await secondWriter.ReleaseAsync();
        await late.GrantedAsync();
        await later.GrantedAsync();
    }

    // Prevents: readers that wait for a writer who has given up.
    [Fact]
    public async Task Readers_are_granted_when_the_writer_that_kept_them_back_gives_up()
    {
        SessionUnderTest a = await OpenAsync();
        await a.AcquireAsync(LockMode.Shared, "x");
        HandleUnderTest writer = await a.AcquireAsync(LockMode.Exclusive, "x");
        HandleUnderTest late = await a.AcquireAsync(LockMode.Shared, "x");
        AssertWaits(late);
        Assert.Equal(ReleaseStatus.GaveUp, await writer.ReleaseAsync());
        await late.GrantedAsync();
    }

    // Prevents: an order that is none.
    [Fact]
    public async Task First_in_first_out_lets_nobody_overtake()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest reader = await a.AcquireAsync(LockMode.Shared, "x", policy: LockPolicy.FirstInFirstOut);
        HandleUnderTest writer = await a.AcquireAsync(LockMode.Exclusive, "x", policy: LockPolicy.FirstInFirstOut);
        HandleUnderTest late = await a.AcquireAsync(LockMode.Shared, "x", policy: LockPolicy.FirstInFirstOut);
        HandleUnderTest secondWriter = await a.AcquireAsync(LockMode.Exclusive, "x", policy: LockPolicy.FirstInFirstOut);
        AssertWaits(late);
        await reader.ReleaseAsync();
        await writer.GrantedAsync();
        await writer.ReleaseAsync();
        await late.GrantedAsync();
        Assert.Equal(AcquireStatus.Waiting, (await secondWriter.AgainAsync()).Status);
        await late.ReleaseAsync();
        await secondWriter.GrantedAsync();
    }

    // Prevents: requests of processes that disagree about the policy waiting for each other.
    [Fact]
    public async Task The_policy_of_a_record_is_what_the_first_request_said()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest reader = await a.AcquireAsync(LockMode.Shared, "x", policy: LockPolicy.Overtaking);
        HandleUnderTest writer = await a.AcquireAsync(LockMode.Exclusive, "x", policy: LockPolicy.FirstInFirstOut);
        HandleUnderTest late = await a.AcquireAsync(LockMode.Shared, "x", policy: LockPolicy.WritersFirst);
        AssertWaits(writer);
        AssertGranted(late);
        await reader.ReleaseAsync();
        await late.ReleaseAsync();
        await writer.GrantedAsync();
        await writer.ReleaseAsync();

        // The record was gone meanwhile: another policy may begin.
        AssertGranted(await a.AcquireAsync(LockMode.Shared, "x", policy: LockPolicy.FirstInFirstOut));
        AssertWaits(await a.AcquireAsync(LockMode.Exclusive, "x"));
        AssertWaits(await a.AcquireAsync(LockMode.Shared, "x", policy: LockPolicy.Overtaking));
    }

    // Prevents: half of what was asked for, held while the other half is waited for.
    [Fact]
    public async Task Several_resources_are_taken_all_or_none()
    {
        Assert.SkipUnless(_server.TakesSeveral, "This server takes one resource at a time.");
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest one = await a.LockAsync("x");
        HandleUnderTest both = await a.LockAllAsync(waits: true, LockPolicy.Overtaking, "x", "y");
        AssertWaits(both);
        Assert.Empty((await Partition.ParticipantsAsync("y")).Holders);
        Assert.Equal(AcquireStatus.Busy, (await a.LockAllAsync(waits: false, LockPolicy.Overtaking, "y", "x")).Status);

        // Free, and nobody is kept from it by who waits for more.
        HandleUnderTest other = await a.AcquireAsync(LockMode.Exclusive, "y", policy: LockPolicy.Overtaking);
        AssertGranted(other);
        Assert.Equal(AcquireStatus.Waiting, (await both.AgainAsync()).Status);
        await one.ReleaseAsync();
        Assert.Equal(AcquireStatus.Waiting, (await both.AgainAsync()).Status);
        await other.ReleaseAsync();
        await both.GrantedAsync();
        Assert.Equal(both.Number, Assert.Single((await Partition.ParticipantsAsync("x")).Holders).Handle.Number);
        Assert.Equal(both.Number, Assert.Single((await Partition.ParticipantsAsync("y")).Holders).Handle.Number);
        await both.ReleaseAsync();
        AssertGranted(await a.LockAsync("y", waits: false));
    }

    // Prevents: a handle that wants two locks starving between handles that want one.
    [Fact]
    public async Task First_in_first_out_keeps_newcomers_behind_who_waits_for_several()
    {
        Assert.SkipUnless(_server.TakesSeveral, "This server takes one resource at a time.");
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest x = await a.AcquireAsync(LockMode.Exclusive, "x", policy: LockPolicy.FirstInFirstOut);
        HandleUnderTest both = await a.LockAllAsync(waits: true, LockPolicy.FirstInFirstOut, "x", "y");
        HandleUnderTest y = await a.AcquireAsync(LockMode.Exclusive, "y", policy: LockPolicy.FirstInFirstOut);
        AssertWaits(both);
        AssertWaits(y);
        await x.ReleaseAsync();
        await both.GrantedAsync();
        await both.ReleaseAsync();
        await y.GrantedAsync();
    }

    // Prevents: the classical deadlock of two readers that want to write.
    [Fact]
    public async Task An_upgradeable_reader_shares_with_readers_and_becomes_the_writer_when_they_have_left()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest reader = await a.AcquireAsync(LockMode.Shared, "x");
        HandleUnderTest upgradeable = await a.AcquireAsync(LockMode.Upgradeable, "x");
        AssertGranted(upgradeable);
        HandleUnderTest second = await a.AcquireAsync(LockMode.Upgradeable, "x");
        AssertWaits(second);
        Assert.Equal(AcquireStatus.Busy, (await upgradeable.ConvertAsync(1, LockMode.Exclusive, waits: false)).Status);
        Assert.Equal(AcquireStatus.Waiting, (await upgradeable.ConvertAsync(2, LockMode.Exclusive)).Status);

        // Before everybody: a newcomer would otherwise keep it waiting for ever.
        AssertWaits(await a.AcquireAsync(LockMode.Shared, "x"));
        Assert.True((await a.LookUpAsync(upgradeable)).IsUpgrading);
        await reader.ReleaseAsync();
        long token = await upgradeable.GrantedAsync();
        Assert.True(token > upgradeable.Token);
        HandleReport report = await a.LookUpAsync(upgradeable);
        Assert.Equal((LockMode.Exclusive, token), (report.Mode, report.Token));
        Assert.Equal(AcquireStatus.Waiting, (await second.AgainAsync()).Status);
    }

    // Prevents: an upgrade that was given up keeping readers out.
    [Fact]
    public async Task An_upgrade_can_be_given_up()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest reader = await a.AcquireAsync(LockMode.Shared, "x");
        HandleUnderTest upgradeable = await a.AcquireAsync(LockMode.Upgradeable, "x");
        await upgradeable.ConvertAsync(1, LockMode.Exclusive);
        HandleUnderTest late = await a.AcquireAsync(LockMode.Shared, "x");
        AssertWaits(late);
        AcquireReply back = await upgradeable.ConvertAsync(2, LockMode.Upgradeable);
        Assert.Equal((AcquireStatus.Granted, upgradeable.Token), (back.Status, back.Token));
        await late.GrantedAsync();
        await reader.ReleaseAsync();
        Assert.Equal(LockMode.Upgradeable, (await a.LookUpAsync(upgradeable)).Mode);
    }

    // Prevents: readers that sleep on after the writer became one of them.
    [Fact]
    public async Task A_writer_that_becomes_a_reader_lets_readers_in_and_no_writer_between()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest writer = await a.AcquireAsync(LockMode.Exclusive, "x");
        HandleUnderTest reader = await a.AcquireAsync(LockMode.Shared, "x");
        AssertWaits(reader);
        AcquireReply down = await writer.ConvertAsync(1, LockMode.Shared);
        Assert.Equal((AcquireStatus.Granted, writer.Token), (down.Status, down.Token));
        await reader.GrantedAsync();
        HandleUnderTest second = await a.AcquireAsync(LockMode.Exclusive, "x");
        AssertWaits(second);
        Assert.Equal(AcquireStatus.Refused, (await writer.ConvertAsync(2, LockMode.Exclusive)).Status);
    }

    // Prevents: a meeting with a ghost, or one that is counted twice.
    [Fact]
    public async Task A_rendezvous_grants_all_when_enough_have_come()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest b = await OpenAsync();
        HandleUnderTest first = await a.AcquireAsync(LockMode.Rendezvous, "x", capacity: 3);
        HandleUnderTest left = await b.AcquireAsync(LockMode.Rendezvous, "x", capacity: 3);
        await left.ReleaseAsync();
        HandleUnderTest second = await b.AcquireAsync(LockMode.Rendezvous, "x", capacity: 3);
        Assert.Equal(AcquireStatus.Waiting, (await second.AgainAsync()).Status);
        HandleUnderTest third = await b.AcquireAsync(LockMode.Rendezvous, "x", capacity: 3);
        AssertGranted(third);
        Assert.Equal(third.Token, await first.GrantedAsync());
        Assert.Equal(third.Token, await second.GrantedAsync());

        // The next round begins while the last one's members are still on their way out.
        AssertWaits(await a.AcquireAsync(LockMode.Rendezvous, "x", capacity: 3));
    }

    // Prevents: a count that is lost with who counted, or counted twice by a retry.
    [Fact]
    public async Task Signals_count_once_outlive_their_session_and_open_for_all_who_wait()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest b = await OpenAsync();
        HandleUnderTest waiter = await a.AcquireAsync(LockMode.Await, "x", capacity: 2);
        AssertWaits(waiter);
        HandleUnderTest signal = await b.AcquireAsync(LockMode.Signal, "x", capacity: 2, maxHold: Long);
        Assert.Equal(signal.Token, (await signal.AgainAsync()).Token);
        await b.CloseAsync();
        Assert.Equal(AcquireStatus.Waiting, (await waiter.AgainAsync()).Status);
        await a.AcquireAsync(LockMode.Signal, "x", capacity: 2, maxHold: Long);
        await waiter.GrantedAsync();
        HandleUnderTest late = await a.AcquireAsync(LockMode.Await, "x", capacity: 2);
        AssertGranted(late);
        Assert.Equal(2, await Partition.ForgetAsync("x"));
        AssertWaits(await a.AcquireAsync(LockMode.Await, "x", capacity: 2));
        Assert.Equal(AcquireStatus.Refused, (await a.AcquireAsync(LockMode.Signal, "x", maxHold: Durations.Never)).Status);
    }

    // Prevents: a record that grows for as long as somebody counts down what is open already. Those that end last are kept, so it stays open for as long.
    [Fact]
    public async Task No_more_signals_are_kept_than_are_counted()
    {
        SessionUnderTest a = await OpenAsync();
        HandleUnderTest first = await a.AcquireAsync(LockMode.Signal, "x", capacity: 3, maxHold: Long);
        for (int i = 0; i < 40; i++)
            AssertGranted(await a.AcquireAsync(LockMode.Signal, "x", capacity: 3, maxHold: 2 * Long));
        ParticipantsReply there = await Partition.ParticipantsAsync("x");
        Assert.Equal(3, there.Holders.Length);
        Assert.DoesNotContain(there.Holders, holder => holder.Handle.Number == first.Number);
        AssertGranted(await a.AcquireAsync(LockMode.Await, "x", capacity: 3, waits: false));
        Assert.Equal(3, await Partition.ForgetAsync("x"));
    }
}
