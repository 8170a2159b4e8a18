using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>Who waits for whom, read from records.</summary>
public sealed class DeadlockSearchTests
{
    private static readonly LockMode[] Readers = [LockMode.Shared, LockMode.Upgradeable];

    private long _number;

    // Prevents: an alarm for who waits for any of several leases, of which one comes back.
    [Fact]
    public void Who_waits_for_a_permit_goes_on_when_any_of_its_holders_does()
    {
        ParticipantEntry anna = Of("anna", LockMode.Permit), bert = Of("bert", LockMode.Permit);
        SurveyedRecord permits = Record("p", LockPolicy.WritersFirst, [anna, bert], [Of("carl", LockMode.Permit)]);
        SurveyedRecord annaWaits = Record("x", LockPolicy.WritersFirst, [Of("carl", LockMode.Exclusive)], [Of("anna", LockMode.Exclusive)]);
        SurveyedRecord bertWaits = Record("x", LockPolicy.WritersFirst, [Of("carl", LockMode.Exclusive)], [Of("anna", LockMode.Exclusive), Of("bert", LockMode.Exclusive)]);
        Assert.Empty(Find(permits, annaWaits));
        Assert.Single(Find(permits, bertWaits));
    }

    // Prevents: an alarm for who waits for people that nobody has listed.
    [Fact]
    public void Who_meets_or_waits_for_signals_waits_for_nobody_in_particular()
    {
        SurveyedRecord latch = Record("s", LockPolicy.WritersFirst, [Of("anna", LockMode.Signal)], [Of("bert", LockMode.Await)]);
        SurveyedRecord barrier = Record("m", LockPolicy.FirstInFirstOut, [Of("anna", LockMode.Rendezvous)], [Of("carl", LockMode.Rendezvous), Of("bert", LockMode.Rendezvous)]);
        SurveyedRecord mutex = Record("x", LockPolicy.WritersFirst, [Of("bert", LockMode.Exclusive)], [Of("anna", LockMode.Exclusive), Of("carl", LockMode.Exclusive)]);
        Assert.Empty(Find(latch, barrier, mutex));
    }

    // Prevents: readers that are said to wait for readers.
    [Fact]
    public void Readers_are_not_in_the_way_of_readers()
    {
        SurveyedRecord one = Record("x", LockPolicy.Overtaking, [Of("anna", LockMode.Shared), Of("carl", LockMode.Upgradeable)], [Of("bert", LockMode.Upgradeable)]);
        SurveyedRecord two = Record("y", LockPolicy.Overtaking, [Of("bert", LockMode.Exclusive)], [Of("anna", LockMode.Shared)]);
        Assert.Empty(Find(one, two));
        SurveyedRecord three = Record("y", LockPolicy.Overtaking, [Of("bert", LockMode.Exclusive)], [Of("carl", LockMode.Shared)]);
        Assert.Single(Find(one, three));
    }

    // Prevents: a deadlock that is missed because what follows from two waits is left out; and a survey that costs the square of who waits.
    [Theory]
    [InlineData(nameof(LockPolicy.WritersFirst))]
    [InlineData(nameof(LockPolicy.FirstInFirstOut))]
    [InlineData(nameof(LockPolicy.Overtaking))]
    public void Who_stands_behind_others_waits_for_them_and_through_them_for_the_holders(string policyName)
    {
        LockPolicy policy = Enum.Parse<LockPolicy>(policyName);
        ParticipantEntry[] holders = [.. Enumerable.Range(0, 100).Select(i => Of($"holder {i}", LockMode.Shared))];
        ParticipantEntry[] waiters = [.. Enumerable.Range(0, 200).Select(i => Of($"waiter {i}", i % 2 == 0 ? LockMode.Exclusive : Readers[i / 2 % 2]))];
        SurveyedRecord line = Record("x", policy, holders, waiters);
        Assert.InRange(DeadlockSearch.EdgesOf(line).Count(), 100, 1000);

        // The last writer holds what the last holder waits for.
        SurveyedRecord other = Record("y", policy, [Of("waiter 198", LockMode.Exclusive)], [Of("holder 99", LockMode.Exclusive)]);
        Assert.Single(Find(line, other));
    }

    // Prevents: owners that wait for each other in one process being merged because their partitions name them alike.
    [Fact]
    public void Handles_without_an_owner_are_told_apart_by_their_partitions()
    {
        ParticipantEntry held = Of("", LockMode.Exclusive), waiting = Of("", LockMode.Exclusive);
        SurveyedRecord here = Record("x", LockPolicy.WritersFirst, [held], [waiting]), there = Record("y", LockPolicy.WritersFirst, [waiting], [held]);
        Assert.Single(DeadlockSearch.Cycles([.. DeadlockSearch.EdgesOf(here, 1), .. DeadlockSearch.EdgesOf(there, 1)]));
        Assert.Empty(DeadlockSearch.Cycles([.. DeadlockSearch.EdgesOf(here, 1), .. DeadlockSearch.EdgesOf(there, 2)]));
    }

    private static ImmutableArray<LockDeadlock> Find(params SurveyedRecord[] records) => DeadlockSearch.Cycles(records.SelectMany(static record => DeadlockSearch.EdgesOf(record)));

    private static SurveyedRecord Record(string resource, LockPolicy policy, ParticipantEntry[] holders, ParticipantEntry[] waiters) =>
        new(ResourceKey.Of(resource), policy, [.. holders], [.. waiters]);

    private ParticipantEntry Of(string owner, LockMode mode) =>
        new(new LockHandleId(new IncarnationId(1, 2, 3), ++_number), mode, 0, 0, owner, "process", IsRevocationRequested: false);
}
