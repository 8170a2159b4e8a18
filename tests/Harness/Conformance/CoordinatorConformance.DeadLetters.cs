using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>What needs a person: sessions that the sink never took, deltas that could not be merged.</summary>
public abstract partial class CoordinatorConformance
{
    // Prevents: later generations overtaking one that failed, at a sink that drops what is older than what it has.
    [Fact]
    public async Task A_parked_session_holds_its_successors_back_until_it_is_replayed_in_order()
    {
        ClaimedSession first = Assert.Single(await CompleteSessionsAsync("a"));
        Assert.Equal(AbandonStatus.DeadLettered, (await Partition.GiveUpAsync(first, PoisonRule.Park)).Status);
        Assert.True(Assert.Single(await Partition.SealedAsync()).IsParked);
        await CompleteSessionsAsync("a");
        PokeReply poke = await Partition.PokeAsync();
        Assert.Equal((1, 1, Never, Never), (poke.Sealed, poke.Parked, poke.NextDue, poke.NextClaimExpiry));

        DeadLetterEntry letter = Assert.Single((await Partition.DeadLettersAsync()).Letters);
        Assert.Equal(
            (first.Resource, first.Generation, DeadLetterKind.Completion, 1, "The sink said no."),
            (letter.Resource, letter.Id, letter.Kind, letter.Attempts, letter.Error));
        Assert.Equal(first.Fields.ToArray(), letter.Fields.ToArray());
        Assert.Equal(ReplayStatus.Replayed, await Partition.ReplayAsync(letter));
        Assert.Equal(0, (await Partition.DeadLettersAsync()).Total);
        Assert.False(await Partition.AcknowledgeAsync(first));
        ClaimedSession again = await ClaimOneAsync();
        AssertSameContent(first, again);
        Assert.Equal((1, false), (again.Attempt, again.OutOfOrder));
        Assert.True(again.Token > first.Token);
        Assert.True(await Partition.AcknowledgeAsync(again));
        Assert.True((await ClaimOneAsync()).Generation > first.Generation);
    }

    // Prevents: a successor that waits for ever behind a session that a person has given up.
    [Fact]
    public async Task Purging_a_parked_session_lets_its_successors_go_on()
    {
        await Partition.GiveUpAsync(Assert.Single(await CompleteSessionsAsync("a")), PoisonRule.Park);
        await CompleteSessionsAsync("a");
        DeadLetterEntry letter = Assert.Single((await Partition.DeadLettersAsync()).Letters);
        PurgeReply purged = await Partition.SendAsync(new PurgeRequest(letter.Resource, letter.Id));
        Assert.True(purged.Purged);
        Assert.True(purged.NextDue <= purged.Now);
        Assert.False(await Partition.PurgeAsync(letter));
        Assert.True((await ClaimOneAsync()).Generation > letter.Id);
    }

    // Prevents: one session that the sink refuses keeping a resource from ever being completed, where order doesn't matter.
    [Fact]
    public async Task A_skipped_session_lets_its_successors_go_on_and_its_replay_says_that_it_is_out_of_order()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        LaneUnderTest other = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync(Item.Hold("a", 4));
        await _server.ElapseAsync(1);
        await other.FlushAsync(Item.Hold("a", 5));
        await lane.FlushAsync(Item.Drop("a"));
        await other.FlushAsync(Item.Drop("a", reason: CompletionReason.Evicted));
        ClaimedSession first = await ClaimOneAsync();
        Assert.Equal(AbandonStatus.DeadLettered, (await Partition.GiveUpAsync(first, PoisonRule.Skip)).Status);
        Assert.False(await Partition.AcknowledgeAsync(first));

        ClaimedSession second = Assert.Single(await CompleteSessionsAsync("a"));
        Assert.False(second.OutOfOrder);
        DeadLetterEntry letter = Assert.Single((await Partition.DeadLettersAsync()).Letters);
        Assert.Equal(first.Generation, letter.Id);
        Assert.Equal(ReplayStatus.Busy, await Partition.ReplayAsync(letter));
        Assert.Equal(1, (await Partition.DeadLettersAsync()).Total);
        Assert.True(await Partition.AcknowledgeAsync(second));

        // The same generation is delivered with the same content, whatever way it took.
        Assert.Equal(ReplayStatus.Replayed, await Partition.ReplayAsync(letter));
        ClaimedSession replayed = await ClaimOneAsync();
        AssertSameContent(first, replayed);
        Assert.Equal((true, 1), (replayed.OutOfOrder, replayed.Attempt));
        Assert.True(replayed.Token > second.Token);
        Assert.True(await Partition.AcknowledgeAsync(replayed));
        Assert.Equal(0, (await Partition.DeadLettersAsync()).Total);
    }

    // Prevents: a replayed session that somebody ends without having claimed it.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_replayed_session_is_acknowledged_only_by_who_claims_it(int rule)
    {
        ClaimedSession first = Assert.Single(await CompleteSessionsAsync("a"));
        await Partition.GiveUpAsync(first, (PoisonRule)rule);
        await Partition.ReplayAsync(Assert.Single((await Partition.DeadLettersAsync()).Letters));
        Assert.False(await Partition.AcknowledgeAsync(first));
        Assert.False(await Partition.AcknowledgeAsync(PartitionUnderTest.Ticket(first) with { Token = 0 }));
        Assert.True(await Partition.AcknowledgeAsync(await ClaimOneAsync()));
    }

    // Prevents: dead letters without a bound.
    [Fact]
    public async Task When_the_dead_letters_are_full_a_session_is_parked_although_it_should_be_skipped()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Malformed("x"));
        ClaimedSession session = Assert.Single(await CompleteSessionsAsync("a"));
        Assert.Equal(AbandonStatus.DeadLettered, (await Partition.GiveUpAsync(session, PoisonRule.Skip, deadLetterLimit: 1)).Status);
        Assert.Equal(1, (await Partition.PokeAsync()).Parked);
        DeadLettersReply letters = await Partition.DeadLettersAsync();
        Assert.Equal(2, letters.Total);
        Assert.Equal(ReplayStatus.Replayed, await Partition.ReplayAsync(letters.Letters.Single(static letter => letter.Kind == DeadLetterKind.Completion)));
        Assert.False((await ClaimOneAsync()).OutOfOrder);
    }

    // Prevents: a tool that can't see how much there is, or that gets more than it asked for.
    [Fact]
    public async Task The_list_of_dead_letters_is_bounded_and_says_how_many_there_are()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Malformed("a"), Item.Malformed("b"), Item.Malformed("c"));
        await Partition.GiveUpAsync(Assert.Single(await CompleteSessionsAsync("d")), PoisonRule.Park);
        DeadLettersReply some = await Partition.DeadLettersAsync(limit: 2);
        Assert.Equal((2, 4), (some.Letters.Length, some.Total));

        DeadLettersReply all = await Partition.DeadLettersAsync();
        Assert.Equal(4, all.Letters.Select(static letter => letter.Id).Distinct().Count());
        DeadLetterEntry item = all.Letters.First(static letter => letter.Kind == DeadLetterKind.Item);
        Assert.True(await Partition.PurgeAsync(item));
        Assert.False(await Partition.PurgeAsync(item));
        Assert.Equal(ReplayStatus.NotFound, await Partition.ReplayAsync(item));
        Assert.Equal(3, (await Partition.DeadLettersAsync()).Total);
    }

    // Prevents: a delta that is lost because it didn't fit at one moment, or that is merged twice.
    [Fact]
    public async Task A_delta_that_overflowed_is_replayed_into_the_next_session_once()
    {
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", long.MaxValue));
        await lane.FlushAsync(Item.Hold("a", 5));
        DeadLetterEntry letter = Assert.Single((await Partition.DeadLettersAsync()).Letters);
        Assert.Equal(ReplayStatus.StillRefused, await Partition.ReplayAsync(letter));
        Assert.Equal(1, (await Partition.DeadLettersAsync()).Total);
        await lane.FlushAsync(AtOnce, Item.Drop("a"));
        ClaimedSession first = await ClaimOneAsync();

        ReplayReply replayed = await Partition.SendAsync(new ReplayRequest(letter.Resource, letter.Id, Linger: Short));
        Assert.Equal((ReplayStatus.Replayed, replayed.Now + Short), (replayed.Status, replayed.NextDue));
        Assert.Equal(ReplayStatus.NotFound, await Partition.ReplayAsync(letter));
        Assert.True(await Partition.AcknowledgeAsync(first));
        await ElapseAsync();
        ClaimedSession second = await ClaimOneAsync();
        Assert.Equal((5, 1, CompletionReason.Recovered), (Item.Hits(second.Fields), second.TimesModified, second.Reason));
        Assert.True(second.Generation > first.Generation);
    }

    // Prevents: a session that a replay began, and that holders keep open for ever, because the replay knew no hard period.
    [Fact]
    public async Task A_session_that_a_replay_began_gets_its_hard_deadline_with_the_next_flush()
    {
        FlushTerms terms = PartitionUnderTest.Terms with { Hard = 2 * Long };
        LaneUnderTest lane = await Partition.NewLaneAsync(terms);
        await lane.FlushAsync(Item.Hold("a", long.MaxValue));
        await lane.FlushAsync(Item.Hold("a", 5));
        await lane.FlushAsync(Item.Force("a"));
        ClaimedSession forced = await ClaimOneAsync();
        await Partition.AcknowledgeAsync(forced);
        ReplayReply replayed = await Partition.SendAsync(new ReplayRequest(
            forced.Resource, Assert.Single((await Partition.DeadLettersAsync()).Letters).Id, Linger: 0));
        Assert.Equal(ReplayStatus.Replayed, replayed.Status);
        await AssertNothingToClaimAsync();

        await _server.ElapseAsync(1);
        FlushReply reply = await lane.FlushAsync(Item.Hold("a", 1));
        Assert.Equal(replayed.Now + (2 * Long), reply.NextDue);
        Assert.Equal(6, Item.Hits((await Partition.PeekAsync("a")).Open));
    }
}
