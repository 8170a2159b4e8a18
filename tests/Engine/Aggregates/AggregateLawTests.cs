using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Sluice.Tests.Aggregates;

/// <summary>
/// The laws that make it right to merge locally, flush deltas in any order and merge them by their bytes. Prevents: a result that depends on which
/// process saw an event, or on when it flushed. The oracle says what the result is; the laws say that nothing else can come out.
/// </summary>
public sealed class AggregateLawTests
{
    private static readonly Config Thorough = Config.QuickThrowOnFailure.WithMaxTest(1000).WithEndSize(60);

    // The law that all others are for.
    private static readonly Config Exhausting = Config.QuickThrowOnFailure.WithMaxTest(10_000).WithEndSize(60);

    [Fact]
    public void Merging_is_associative() =>
        Check(Prop.ForAll(Contributions.Lists, Contributions.Seeds, static (events, seed) =>
        {
            byte[][] parts = Deal(events, 3, new Random(seed));
            Assert.Equal(Records.Merge(Records.Merge(parts[0], parts[1]), parts[2]), Records.Merge(parts[0], Records.Merge(parts[1], parts[2])));
        }));

    [Fact]
    public void Merging_is_commutative() =>
        Check(Prop.ForAll(Contributions.Lists, Contributions.Seeds, static (events, seed) =>
        {
            byte[][] parts = Deal(events, 2, new Random(seed));
            Assert.Equal(Records.Merge(parts[0], parts[1]), Records.Merge(parts[1], parts[0]));
        }));

    [Fact]
    public void The_empty_record_is_the_identity_and_sends_nothing() =>
        Check(Prop.ForAll(Contributions.Lists, static events =>
        {
            byte[] record = Records.Of(events);
            byte[] empty = Records.Of([]);
            Assert.Empty(empty);
            Assert.Equal(record, Records.Merge(record, empty));
            Assert.Equal(record, Records.Merge(empty, record));
        }));

    [Fact]
    public void All_fields_but_sums_averages_and_histograms_are_idempotent() =>
        Check(Prop.ForAll(Contributions.Lists, static events =>
        {
            byte[] record = Records.WithoutCount(Records.Of(events.Select(static e => e.Idempotent)));
            Assert.Equal(record, Records.Merge(record, record));
        }));

    [Fact]
    public void Any_split_over_processes_in_any_order_equals_the_oracle() =>
        Prop.ForAll(Contributions.Lists, Contributions.Seeds, static (events, seed) =>
        {
            Random random = new(seed);
            byte[] sequential = Records.Of(events);
            List<byte[]> deltas = [.. Deal(events, 1 + random.Next(6), random)];
            while (deltas.Count > 1)
            {
                // Any two, in any order: coordinators and processes may merge whatever they have.
                byte[] left = Take(deltas, random);
                byte[] right = Take(deltas, random);
                deltas.Add(Records.Merge(left, right));
            }

            Assert.Equal(sequential, deltas[0]);
            Oracle.AssertAgrees(events, Records.View(deltas[0]));
        }).Check(Exhausting);

    [Fact]
    public void A_state_that_is_read_back_goes_on_as_if_it_had_never_left() =>
        Check(Prop.ForAll(Contributions.Lists, Contributions.Seeds, static (events, seed) =>
        {
            int cut = new Random(seed).Next(events.Length + 1);
            StateProbe<Outer.EveryKind.Event> state = Records.NewState().Read(Records.Of(events[..cut]));
            Assert.Equal(Records.Of(events[..cut]), state.Write());
            foreach (Contribution e in events[cut..])
                state.Merge(e.ToEvent(), e.Now, e.Origin, e.Sequence);
            Assert.Equal(Records.Of(events), state.Write());
        }));

    [Fact]
    public void A_reset_state_is_a_new_one() =>
        Check(Prop.ForAll(Contributions.Lists, Contributions.Seeds, static (events, seed) =>
        {
            int cut = new Random(seed).Next(events.Length + 1);
            StateProbe<Outer.EveryKind.Event> state = Records.StateOf(events[..cut]);
            state.Reset();
            Assert.True(state.IsEmpty);
            Assert.Empty(state.Write());
            foreach (Contribution e in events[cut..])
                state.Merge(e.ToEvent(), e.Now, e.Origin, e.Sequence);
            Assert.Equal(Records.Of(events[cut..]), state.Write());
        }));

    [Fact]
    public void A_state_is_empty_exactly_when_it_has_no_bytes() =>
        Check(Prop.ForAll(Contributions.Lists, static events =>
        {
            StateProbe<Outer.EveryKind.Event> state = Records.StateOf(events);
            Assert.Equal(state.IsEmpty, state.Write().Length == 0);
        }));

    private static void Check(Property property) => property.Check(Thorough);

    // Deals the events to so many processes, each of which merges its share in an order of its own.
    private static byte[][] Deal(Contribution[] events, int processes, Random random)
    {
        List<Contribution>[] shares = [.. Enumerable.Range(0, processes).Select(static _ => new List<Contribution>())];
        foreach (Contribution e in events)
            shares[random.Next(processes)].Add(e);
        return [.. shares.Select(share => Records.Of(share.OrderBy(_ => random.Next())))];
    }

    private static byte[] Take(List<byte[]> records, Random random)
    {
        int i = random.Next(records.Count);
        byte[] taken = records[i];
        records.RemoveAt(i);
        return taken;
    }
}
