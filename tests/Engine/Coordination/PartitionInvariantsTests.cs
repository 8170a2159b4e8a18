using System.Collections.Immutable;
using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Harness.Conformance;
using Xunit;

namespace Sluice.Tests.Coordination;

/// <summary>Every kind of damage is found and named: a check that finds nothing because it looks at nothing would pass everything.</summary>
public sealed class PartitionInvariantsTests
{
    private static readonly IncarnationId Holder = new(1, 0, 1);
    private static readonly IncarnationId Dead = new(1, 0, 2);
    private static readonly IncarnationId Nobody = new(1, 0, 3);
    private static readonly ResourceKey Held = ResourceKey.Of("held");
    private static readonly ResourceKey Lingering = ResourceKey.Of("lingering");
    private static readonly ResourceKey Waiting = ResourceKey.Of("waiting");
    private static readonly ResourceKey Parked = ResourceKey.Of("parked");
    private static readonly ResourceKey Empty = ResourceKey.Of("empty");

    public static TheoryData<string, string> Damages => new()
    {
        { "count too high", "'held' counts 2 holders, but 1 owned sets hold it" },
        { "owned set lost", "'held' counts 1 holders, but 0 owned sets hold it" },
        { "record lost", "owns 'held', which has no open record" },
        { "owner unknown", "neither a member nor fenced" },
        { "empty owned set", "should be gone" },
        { "contribution of the future", "beyond the clock" },
        { "contributors uncounted", "was modified 0 times" },
        { "due entry lost", "and is not in the due queue" },
        { "due entry too many", "the due queue has 'nobody'" },
        { "waiting for nothing", "waits for a sealed predecessor that it does not have" },
        { "waiting and queued", "waits, and is in the due queue" },
        { "empty record", "has neither holders nor updates" },
        { "due without updates", "has no generation, but something that belongs to one" },
        { "generation of the future", "beyond the clock" },
        { "never due", "held by nobody, but never due" },
        { "due after the hard deadline", "after its hard deadline" },
        { "predecessor is younger", "open and generation" },
        { "claim lost", "not parked and not in the claim queue" },
        { "parked and claimable", "parked and in the claim queue" },
        { "claim too many", "the claim queue has 'nobody'" },
        { "token below generation", "and token 1 at clock" },
        { "in two places", "sealed and a dead letter" },
        { "lease lost", "its lease is not queued" },
        { "lease too many", "the lease queue has" },
        { "alive and dead", "is a member and fenced" },
        { "member without a batch", "a member without a batch" },
        { "tombstone not queued", "would never be purged" },
        { "tombstone queue too long", "the tombstone queue has" },
        { "letter misplaced", "is kept for" },
        { "letter of the future", "is beyond the clock" },
        { "no layout", "has no layout" },
    };

    [Fact]
    public void A_partition_that_only_transitions_touched_is_sound() => Assert.Empty(PartitionInvariants.Check(Sound()));

    [Theory]
    [MemberData(nameof(Damages))]
    public void Damage_is_named(string damage, string expected)
    {
        ImmutableArray<string> violations = PartitionInvariants.Check(Damage(Sound(), damage));
        Assert.Contains(violations, violation => violation.Contains(expected, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>One of everything: a member that holds, a fenced one, open, waiting, sealed and parked sessions, a dead letter.</summary>
    private static PartitionState Sound()
    {
        RecordMerger merger = RecordMerger.For(Item.Schema);
        PartitionState state = PartitionState.Empty;
        FlushTerms terms = new(Lease: 1000, Linger: 0, Hard: 500, Inactivity: 0, TombstoneLife: 5000, OpenLimit: 100, DeadLetterLimit: 10);
        long now = 100;
        Send(new FlushRequest(7, Dead, 1, 1, [Item.Drop("gone", 1)], terms));
        Send(new LeaveRequest(Dead, 5000));
        Send(new FlushRequest(7, Holder, 1, 1, [Item.Drop("waiting", 1), Item.Drop("parked", 1)], terms));
        ClaimReply claimed = (ClaimReply)Send(new ClaimRequest(10, 50));
        foreach (ClaimedSession session in claimed.Claims.Where(static session => session.Resource.Equals(Parked)))
            Send(new AbandonRequest(new ClaimTicket(session.Resource, session.Generation, session.Token), 1, 1, "no", PoisonRule.Park, 10));
        Send(new FlushRequest(7, Holder, 2, 2, [Item.Drop("waiting", 1)], terms));
        Send(new ClaimRequest(10, 50));
        Send(new FlushRequest(
            7, Holder, 3, 3, [Item.Hold("held", 1), Item.Drop("lingering", 1), Item.Hold("empty"), Item.Malformed("letter")], terms with { Linger = 20 }));
        Assert.True(state.Open[Waiting].Waiting);
        return state;

        object Send(object request)
        {
            (state, object reply) = Transitions.Apply(state, now++, merger, request);
            return reply;
        }
    }

    private static PartitionState Damage(PartitionState state, string damage) => damage switch
    {
        "count too high" => Open(state, Held, record => record with { Holders = 2 }),
        "owned set lost" => state with { Owned = state.Owned.Remove(Holder) },
        "record lost" => state with { Open = state.Open.Remove(Held) },
        "owner unknown" => state with { Owned = state.Owned.Add(Nobody, state.Owned[Holder]) },
        "empty owned set" => state with { Owned = state.Owned.Add(Dead, ImmutableDictionary<ResourceKey, Holding>.Empty) },
        "contribution of the future" => state with { Owned = state.Owned.SetItem(Holder, state.Owned[Holder].SetItem(Held, Holding.Of(state.Clock + 1))) },
        "contributors uncounted" => Open(state, Held, static record => record with { TimesModified = 0 }),
        "due entry lost" => state with { Due = state.Due.Remove((state.Open[Held].Due, Held)) },
        "due entry too many" => state with { Due = state.Due.Add((5, ResourceKey.Of("nobody"))) },
        "waiting for nothing" => state with { Sealed = state.Sealed.Remove(Waiting) },
        "waiting and queued" => state with { Due = state.Due.Add((state.Open[Waiting].Due, Waiting)) },
        "empty record" => state with { Open = state.Open.Add(ResourceKey.Of("x"), OpenRecord.Empty) },
        "due without updates" => Open(state, Empty, static record => record with { Due = 5 }),
        "generation of the future" => Open(state, Held, record => record with { Generation = state.Clock + 1 }),
        "never due" => Open(state, Lingering, static record => record with { Due = Durations.Never }),
        "due after the hard deadline" => Open(state, Lingering, static record => record with { HardDue = record.Due - 1 }),
        "predecessor is younger" => Sealed(state, Waiting, record => record with { Generation = state.Open[Waiting].Generation + 1 }),
        "claim lost" => state with { Claims = state.Claims.Clear() },
        "parked and claimable" => state with { Claims = state.Claims.Add((state.Sealed[Parked].LeaseDeadline, Parked)) },
        "claim too many" => state with { Claims = state.Claims.Add((5, ResourceKey.Of("nobody"))) },
        "token below generation" => Sealed(state, Waiting, static record => record with { Token = 1 }),
        "in two places" => Letter(state, (Waiting, state.Sealed[Waiting].Generation)),
        "lease lost" => state with { Leases = state.Leases.Clear() },
        "lease too many" => state with { Leases = state.Leases.Add((5, Nobody)) },
        "alive and dead" => state with { Tombstones = state.Tombstones.Add(Holder, state.Tombstones[Dead]) },
        "member without a batch" => state with { Members = state.Members.SetItem(Holder, state.Members[Holder] with { Applied = 0 }) },
        "tombstone not queued" => state with { TombstoneQueue = state.TombstoneQueue.Clear() },
        "tombstone queue too long" => state with { TombstoneQueue = state.TombstoneQueue.Add((5, Nobody)) },
        "letter misplaced" => Letter(state, (Held, 5)),
        "letter of the future" => Letter(state, (Held, state.Clock + 1)),
        "no layout" => state with { Layout = 0 },
        _ => throw new ArgumentOutOfRangeException(nameof(damage), damage, "No such damage."),
    };

    private static PartitionState Open(PartitionState state, ResourceKey resource, Func<OpenRecord, OpenRecord> change) =>
        state with { Open = state.Open.SetItem(resource, change(state.Open[resource])) };

    private static PartitionState Sealed(PartitionState state, ResourceKey resource, Func<SealedRecord, SealedRecord> change) =>
        state with { Sealed = state.Sealed.SetItem(resource, change(state.Sealed[resource])) };

    private static PartitionState Letter(PartitionState state, (ResourceKey, long) place) =>
        state with { DeadLetters = state.DeadLetters.Add(place, state.DeadLetters.Values.First()) };
}
