using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Who may complete a sealed session, and for how long.</summary>
public abstract partial class CoordinatorConformance
{
    // Prevents: the oldest sessions waiting behind newer ones, and one engine taking more than it can work on.
    [Fact]
    public async Task Claims_come_in_the_order_of_their_due_times_up_to_the_limit()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        foreach (string resource in new[] { "c", "a", "d", "b" })
        {
            await lane.FlushAsync(Item.Drop(resource, 1));
            await _server.ElapseAsync(1);
        }

        ClaimReply first = await Partition.ClaimAsync(limit: 3);
        Assert.Equal(["c", "a", "d"], first.Claims.Select(static session => session.Resource.ToString()));
        Assert.True(first.NextDue <= first.Now);
        ClaimReply rest = await Partition.ClaimAsync(limit: 3);
        Assert.Equal("b", Assert.Single(rest.Claims).Resource.ToString());
        Assert.Equal(Never, rest.NextDue);
    }

    // Prevents: two engines completing one session at the same time.
    [Fact]
    public async Task A_claim_is_nobody_elses_while_its_lease_runs()
    {
        await CompleteSessionsAsync("a", "b");
        await AssertNothingToClaimAsync();
        ClaimReply reply = await Partition.ClaimAsync();
        Assert.All(await Partition.SealedAsync(), entry => Assert.Equal((1, false, true), (entry.Attempt, entry.IsParked, entry.LeaseDeadline > reply.Now)));
        Assert.Equal((await Partition.SealedAsync()).Min(static entry => entry.LeaseDeadline), reply.NextClaimExpiry);
    }

    // Prevents: a session lost with the engine that was completing it, delivered with other content, or ended by the engine that lost it.
    [Fact]
    public async Task A_claim_whose_lease_ran_out_is_handed_over_with_the_same_content_and_a_higher_token()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(Item.Drop("a", 3, CompletionReason.Evicted));
        ClaimedSession first = await ClaimOneAsync(lease: Short);
        await lane.FlushAsync(Item.Hold("a", 100));
        await ElapseAsync();
        ClaimedSession second = await ClaimOneAsync();
        Assert.True(second.Token > first.Token);
        Assert.Equal((1, 2), (first.Attempt, second.Attempt));
        AssertSameContent(first, second);

        Assert.False(await Partition.AcknowledgeAsync(first));
        Assert.False(await Partition.ExtendAsync(first));
        Assert.Equal(AbandonStatus.Stale, (await Partition.AbandonAsync(first)).Status);
        Assert.True(await Partition.AcknowledgeAsync(second));
    }

    // Prevents: many claimants at once getting the same session.
    [Fact]
    public async Task Claimants_that_ask_at_once_share_the_sessions_without_overlap()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync([.. Enumerable.Range(0, 40).Select(static i => Item.Drop($"r{i}", 1))]);
        ClaimReply[] replies = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(() => Partition.ClaimAsync(limit: 6))));
        ClaimedSession[] sessions = [.. replies.SelectMany(static reply => reply.Claims)];
        Assert.Equal(40, sessions.Length);
        Assert.Equal(40, sessions.Select(static session => session.Resource).Distinct().Count());
        Assert.Equal(80, sessions.SelectMany(static session => new[] { session.Token, session.Generation }).Distinct().Count());
    }

    // Prevents: a claim that finds the same blocked resources again and again, and never the one behind them.
    [Fact]
    public async Task Resources_that_wait_for_a_completion_do_not_keep_others_from_being_claimed()
    {
        await CompleteSessionsAsync("a", "b", "c");
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(Item.Drop("a", 1), Item.Drop("b", 1), Item.Drop("c", 1));
        await _server.ElapseAsync(1);
        await lane.FlushAsync(Item.Drop("d", 1));
        ClaimReply reply = await Partition.ClaimAsync(limit: 3);
        Assert.Equal("d", Assert.Single(reply.Claims).Resource.ToString());

        // And the partition doesn't call for claims that can't succeed.
        Assert.Equal(Never, reply.NextDue);
    }

    // Prevents: completions of one resource out of order, and memory that grows with the time that the sink is down.
    [Fact]
    public async Task While_a_session_is_being_completed_later_ones_become_one_that_waits()
    {
        ClaimedSession first = Assert.Single(await CompleteSessionsAsync("a"));
        for (int i = 0; i < 5; i++)
        {
            LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
            await lane.FlushAsync(Item.Hold("a", 1));
            await lane.FlushAsync(Item.Drop("a", 1));
            await AssertNothingToClaimAsync();
        }

        PokeReply poke = await Partition.PokeAsync();
        Assert.Equal((1, 1), (poke.Open, poke.Sealed));
        AcknowledgeReply acknowledged = await Partition.SendAsync(new AcknowledgeRequest([PartitionUnderTest.Ticket(first)]));
        Assert.True(acknowledged.NextDue <= acknowledged.Now);
        ClaimedSession second = await ClaimOneAsync();
        Assert.Equal((10, 5), (Item.Hits(second.Fields), second.TimesModified));
        Assert.True(second.Generation > first.Generation);
        Assert.True(second.Token > first.Token);
    }

    // Prevents: somebody who comes back while a resource waits losing the wait, or the wait losing them.
    [Fact]
    public async Task A_reference_while_a_resource_waits_continues_what_waits()
    {
        ClaimedSession first = Assert.Single(await CompleteSessionsAsync("a"));
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(Item.Drop("a", 1));
        await AssertNothingToClaimAsync();
        await lane.FlushAsync(Item.Hold("a", 1));
        Assert.True(await Partition.AcknowledgeAsync(first));
        await AssertNothingToClaimAsync();
        await lane.FlushAsync(Item.Drop("a", 1));
        Assert.Equal(3, Item.Hits((await ClaimOneAsync()).Fields));
    }

    // Prevents: the late acknowledgement of one generation ending the next, and a stale owner ending a session that another is completing.
    [Fact]
    public async Task Only_the_current_generation_with_the_current_token_is_acknowledged_and_only_once()
    {
        ClaimedSession session = Assert.Single(await CompleteSessionsAsync("a"));
        ClaimTicket ticket = PartitionUnderTest.Ticket(session);
        Assert.False(await Partition.AcknowledgeAsync(ticket with { Generation = ticket.Generation - 1 }));
        Assert.False(await Partition.AcknowledgeAsync(ticket with { Generation = ticket.Generation + 1 }));
        Assert.False(await Partition.AcknowledgeAsync(ticket with { Token = ticket.Token - 1 }));
        Assert.False(await Partition.AcknowledgeAsync(ticket with { Token = ticket.Token + 1 }));
        Assert.False(await Partition.AcknowledgeAsync(ticket with { Resource = ResourceKey.Of("b") }));
        Assert.Equal(session.Generation, (await Partition.PeekAsync("a")).SealedGeneration);

        Assert.True(await Partition.AcknowledgeAsync(ticket));
        Assert.False(await Partition.AcknowledgeAsync(ticket));
        PokeReply poke = await Partition.PokeAsync();
        Assert.Equal((0, 0, Never), (poke.Open, poke.Sealed, poke.NextClaimExpiry));
    }

    // Prevents: one stale ticket of a bulk spoiling the others.
    [Fact]
    public async Task Every_ticket_of_a_bulk_is_judged_by_itself()
    {
        ClaimedSession[] sessions = [.. await CompleteSessionsAsync("a", "b", "c")];
        ClaimTicket[] tickets = [.. sessions.Select(PartitionUnderTest.Ticket)];
        tickets[1] = tickets[1] with { Token = 1 };
        Assert.Equal([true, false, true], (await Partition.SendAsync(new ExtendRequest([.. tickets], Long))).Held);
        Assert.Equal([true, false, true], (await Partition.SendAsync(new AcknowledgeRequest([.. tickets]))).Accepted);
        Assert.Equal(sessions[1].Resource, Assert.Single(await Partition.SealedAsync()).Resource);
    }

    // Prevents: work that is done being done again, only because it took long and nobody else was there.
    [Fact]
    public async Task A_claim_that_nobody_took_over_is_acknowledged_after_its_lease()
    {
        await CompleteSessionsAsync();
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(Item.Drop("a", 1));
        ClaimedSession session = await ClaimOneAsync(lease: Short);
        await ElapseAsync();
        Assert.True(await Partition.AcknowledgeAsync(session));
    }

    // Prevents: a long completion being taken away from an engine that is alive.
    [Fact]
    public async Task Extending_keeps_a_claim_also_after_its_lease_ran_out_if_nobody_took_over()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(Item.Drop("a", 1));
        ClaimedSession session = await ClaimOneAsync(lease: Short);
        await ElapseAsync();
        ExtendReply extended = await Partition.SendAsync(new ExtendRequest([PartitionUnderTest.Ticket(session)], Long));
        Assert.Equal([true], extended.Held);
        Assert.Equal(extended.Now + Long, Assert.Single(await Partition.SealedAsync()).LeaseDeadline);
        await AssertNothingToClaimAsync();

        Assert.True(await Partition.ExtendAsync(session, Short));
        await ElapseAsync();
        ClaimedSession successor = await ClaimOneAsync();
        Assert.False(await Partition.ExtendAsync(session));
        Assert.True(await Partition.ExtendAsync(successor));
    }

    // Prevents: a claim that dies with its claimant's membership. It stands on its own lease and token.
    [Fact]
    public async Task A_claim_outlives_the_membership_of_its_claimant()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce with { Lease = Short });
        await lane.FlushAsync(Item.Drop("a", 1));
        ClaimedSession session = await ClaimOneAsync();
        await ElapseAsync();
        await Partition.ReapAsync(lane);
        Assert.Equal(FlushStatus.Fenced, (await lane.FlushAsync(Item.Hold("a", 1))).Status);
        Assert.True(await Partition.ExtendAsync(session));
        Assert.True(await Partition.AcknowledgeAsync(session));
    }

    // Prevents: a sink that is down being hammered, and the engine that gave up ending the session after all.
    [Fact]
    public async Task An_abandoned_session_is_claimed_again_after_the_backoff_and_not_before()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(Item.Drop("a", 1));
        ClaimedSession first = await ClaimOneAsync();
        AbandonReply abandoned = await Partition.AbandonAsync(first, backoff: Long);
        Assert.Equal((AbandonStatus.WillRetry, abandoned.Now + Long), (abandoned.Status, abandoned.NextDue));
        await AssertNothingToClaimAsync();
        Assert.Equal("The sink said no.", Assert.Single(await Partition.SealedAsync()).LastError);
        Assert.False(await Partition.AcknowledgeAsync(first));
        Assert.False(await Partition.ExtendAsync(first));
        Assert.Equal(AbandonStatus.Stale, (await Partition.AbandonAsync(first)).Status);

        await lane.FlushAsync(Item.Drop("b", 1));
        ClaimedSession other = await ClaimOneAsync();
        await Partition.AbandonAsync(other, backoff: Short);
        await ElapseAsync();
        ClaimedSession second = await ClaimOneAsync();
        Assert.Equal((other.Resource, 2), (second.Resource, second.Attempt));
        Assert.True(second.Token > other.Token);
        AssertSameContent(other, second);
    }

    private static void AssertSameContent(ClaimedSession expected, ClaimedSession actual)
    {
        Assert.Equal(expected.Fields.ToArray(), actual.Fields.ToArray());
        Assert.Equal(
            expected with { Token = 0, Attempt = 0, Fields = default, OutOfOrder = false }, actual with { Token = 0, Attempt = 0, Fields = default, OutOfOrder = false });
    }
}
