using Sluice.Coordination;
using Sluice.Locking;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>What people and reports are told, and renewals in one call.</summary>
public abstract partial class LockConformance
{
    // Prevents: a list that is not what is held.
    [Fact]
    public async Task Participants_are_holders_and_waiters_in_order()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest b = await OpenAsync();
        HandleUnderTest held = await a.AcquireAsync(LockMode.Exclusive, "x", owner: "order 7");
        HandleUnderTest second = await b.AcquireAsync(LockMode.Shared, "x");
        HandleUnderTest third = await a.AcquireAsync(LockMode.Exclusive, "x");
        ParticipantsReply found = await Partition.ParticipantsAsync("x");
        ParticipantEntry holder = Assert.Single(found.Holders);
        Assert.Equal((a.Id, held.Number, LockMode.Exclusive, held.Token, "order 7"), (holder.Handle.Session, holder.Handle.Number, holder.Mode, holder.Token, holder.Owner));
        Assert.StartsWith("engine ", holder.Description, StringComparison.Ordinal);
        Assert.Equal([(b.Id, second.Number), (a.Id, third.Number)], found.Waiters.Select(static waiter => (waiter.Handle.Session, waiter.Handle.Number)));
        Assert.Equal([LockMode.Shared, LockMode.Exclusive], found.Waiters.Select(static waiter => waiter.Mode));
        Assert.Equal(2, found.Waiting);
        Assert.Single((await Partition.ParticipantsAsync("x", limit: 1)).Waiters);
        Assert.Empty((await Partition.ParticipantsAsync("y")).Holders);
    }

    // Prevents: holders that are not asked, or are asked for ever.
    [Fact]
    public async Task A_request_to_let_go_reaches_every_holder_and_is_found_by_who_missed_it()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest b = await OpenAsync();
        HandleUnderTest first = await a.AcquireAsync(LockMode.Shared, "x");
        HandleUnderTest second = await b.AcquireAsync(LockMode.Shared, "x");
        Assert.Equal(2, await Partition.RevokeAsync("x"));
        await a.Wakes.NextAsync(wake => wake.Kind == LockWakeKind.RevocationRequested && wake.Number == first.Number);
        await b.Wakes.NextAsync(wake => wake.Kind == LockWakeKind.RevocationRequested && wake.Number == second.Number);
        Assert.True((await a.LookUpAsync(first)).IsRevocationRequested);
        Assert.Equal(0, await Partition.RevokeAsync("y"));
        HandleUnderTest next = await a.LockAsync("x");
        await first.ReleaseAsync();
        await second.ReleaseAsync();
        await next.GrantedAsync();
        Assert.False((await a.LookUpAsync(next)).IsRevocationRequested);
    }

    // Prevents: a report of deadlocks that misses who waits.
    [Fact]
    public async Task A_survey_lists_every_resource_that_somebody_waits_for()
    {
        SessionUnderTest a = await OpenAsync();
        foreach (string resource in (string[])["c", "a", "b", "d"])
            await a.AcquireAsync(LockMode.Exclusive, resource, owner: $"holder of {resource}");
        foreach (string resource in (string[])["c", "a", "b"])
            await a.AcquireAsync(LockMode.Exclusive, resource, owner: $"waiter for {resource}");
        List<SurveyedRecord> found = [];
        string? after = null;
        SurveyReply part;
        do
        {
            part = await Partition.SurveyAsync(after, limit: 2);
            found.AddRange(part.Records);
            after = found[^1].Resource.ToString();
        }
        while (part.IsUnfinished);
        Assert.Equal(["a", "b", "c"], found.Select(static record => record.Resource.ToString()).Order(StringComparer.Ordinal));
        Assert.All(found, static record => Assert.Equal($"waiter for {record.Resource}", Assert.Single(record.Waiters).Owner));
        Assert.All(found, static record => Assert.Equal($"holder of {record.Resource}", Assert.Single(record.Holders).Owner));
    }

    // Prevents: locks lost because they are renewed one after the other, or by a call that needs somebody else's thread.
    [Fact]
    public async Task Renewals_of_several_sessions_are_one_call()
    {
        SessionUnderTest a = await OpenAsync();
        SessionUnderTest gone = await OpenAsync();
        HandleUnderTest held = await a.LockAsync("x");
        await gone.CloseAsync();
        Renewal alive = new(0, new RenewRequest(a.Id, Long, [held.Number], 10));
        Renewal dead = new(0, new RenewRequest(gone.Id, Long, [], 10));
        await Partition.RenewAsync(alive, dead);
        Assert.Equal((null, true), (alive.Error, alive.Reply!.IsAlive));
        Assert.Equal(held.Token, Assert.Single(alive.Reply.Handles).Token);
        Assert.Equal((null, false), (dead.Error, dead.Reply!.IsAlive));
    }
}
