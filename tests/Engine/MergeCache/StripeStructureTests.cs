using Sluice.Caching;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>The parts a stripe is made of: the table, the places, their deadlines and recency, and how many stripes there are.</summary>
public sealed class StripeStructureTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Table_finds_what_was_added_and_not_what_was_removed(int seed)
    {
        // A removal that leaves a hole in a run of slots hides what lies behind it: the key gets a second session beside its first.
        Random random = new(seed);
        TagTable table = new();
        Dictionary<int, uint> expected = [];
        int next = 0;
        for (int step = 0; step < 60_000; step++)
        {
            bool growing = step % 8000 < 4000;
            if (expected.Count == 0 || random.Next(10) < (growing ? 7 : 3))
            {
                // Few different tags, of which many lie at the end of the table: long runs, and runs that go around.
                uint tag = (uint)random.Next(200) * 21_474_836u;
                table.Reserve(expected.Count + 1);
                table.Add(tag, next);
                expected.Add(next++, tag);
            }
            else
            {
                int gone = expected.Keys.ElementAt(random.Next(expected.Count));
                table.Remove(expected[gone], gone);
                Assert.DoesNotContain(gone, Found(in table, expected[gone]));
                expected.Remove(gone);
            }

            if (step % 500 == 0)
                Assert.All(expected, pair => Assert.Contains(pair.Key, Found(in table, pair.Value)));
        }
    }

    [Fact]
    public void Table_is_between_three_and_four_fifths_full_once_it_has_grown()
    {
        // The bytes of an entry are a promise, and so is that a look-up ends soon.
        TagTable table = new();
        for (int count = 1; count <= 100_000; count++)
        {
            table.Reserve(count);
            table.Add((uint)count * 2654435769u, count);
            if (count > 1000)
                Assert.InRange(count * 8.0 / table.Bytes, 0.59, 0.8);
        }
    }

    [Fact]
    public void Block_is_never_due_later_than_a_session_in_it()
    {
        // A sweeper that goes by these times would oversleep a deadline.
        Random random = new(4);
        DeadlineBlocks blocks = new();
        long[] deadlines = new long[1000];
        Array.Fill(deadlines, long.MaxValue);
        for (int step = 0; step < 20_000; step++)
        {
            int index = random.Next(deadlines.Length);
            if (random.Next(4) != 0)
            {
                deadlines[index] = random.Next(100_000);
                blocks.Reserve(index);
                blocks.Schedule(index, deadlines[index]);
            }
            else
            {
                deadlines[index] = long.MaxValue;
            }

            long earliest = deadlines.Min();
            Assert.True(blocks.Earliest <= earliest);
            if (step % 100 != 0)
                continue;
            for (int block = blocks.NextDue(0, long.MaxValue); block >= 0 && block < blocks.Count; block = blocks.NextDue(block + 1, long.MaxValue))
                blocks.Set(block, deadlines.Skip(block * DeadlineBlocks.Length).Take(DeadlineBlocks.Length).DefaultIfEmpty(long.MaxValue).Min());
            blocks.Settle();
            Assert.Equal(earliest, blocks.Earliest);
            Assert.Equal(earliest == long.MaxValue ? 0 : Array.IndexOf(deadlines, earliest) / DeadlineBlocks.Length, blocks.NextDue(0, earliest));
        }
    }

    [Fact]
    public void Hand_walks_from_the_oldest_to_the_newest_and_survives_removals_under_it()
    {
        EntrySlab<string, Amount, Tally> slab = new();
        RecencyList<string, Amount, Tally> list = new(slab);
        int[] nodes = [slab.Rent(), slab.Rent(), slab.Rent(), slab.Rent()];
        foreach (int node in nodes)
            list.Add(node);
        Assert.Equal(nodes[0], list.Advance());
        Assert.Equal(nodes[1], list.Advance());
        list.Remove(nodes[2]);
        Assert.Equal(nodes[3], list.Advance());
        int late = slab.Rent();
        list.Add(late);
        Assert.Equal(nodes[0], list.Advance());
        list.Remove(nodes[0]);
        list.Remove(nodes[1]);
        list.Remove(nodes[3]);
        Assert.Equal(1, list.Count);
        Assert.Equal(late, list.Advance());
        Assert.Equal(late, list.Advance());
        list.Remove(late);
        Assert.Equal(RecencyList<string, Amount, Tally>.None, list.Advance());
        Assert.Equal(0, list.Count);
    }

    [Fact]
    public void Vacant_places_are_used_again_before_new_ones_and_keep_nothing_of_their_last_session()
    {
        EntrySlab<string, Amount, Tally> slab = new();
        int[] places = [.. Enumerable.Range(0, 1000).Select(_ => slab.Rent())];
        Assert.Equal(Enumerable.Range(0, 1000), places);
        foreach (int place in places.Where(p => p % 3 == 0))
        {
            slab[place].Key = "key";
            slab[place].State.Sum = 5;
            slab[place].Touched = slab[place].Referenced = true;
            slab[place].Epoch.Set(7);
            slab.Return(place);
        }

        int[] again = [.. Enumerable.Range(0, 334).Select(_ => slab.Rent())];
        Assert.Equal(places.Where(p => p % 3 == 0), again.Order());
        Assert.All(again, p => Assert.True(
            slab[p].Key is null && slab[p].State.Sum == 0 && !slab[p].Touched && !slab[p].Referenced && slab[p].Epoch.IsClean && slab[p].OwesNothing));
        Assert.Equal((1000, 1000, 1001), (slab.Used, slab.Rent(), slab.Used));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5_000_000_000)]
    [InlineData(0x7FFF_FFF0)]
    [InlineData(0xFFFF_FFF0)]
    public void Short_epoch_tells_the_whole_number_wherever_the_counter_stands(long first)
    {
        // A number that comes around without being noticed makes an old delta look new, and a watermark passes it.
        Sluice.Flushing.FlushEpochs epochs = new(first: first);
        for (int n = 0; n < 500; n++)
        {
            ShortEpoch kept = default;
            Assert.True(kept.IsClean && kept.Read(epochs) == 0 && !kept.IsNotAfter(epochs.Current));
            long epoch = Math.Max(1, epochs.Current - (n % 400));
            kept.Set(epoch);
            Assert.False(kept.IsClean);
            Assert.Equal(epoch, kept.Read(epochs));
            Assert.True(kept.IsNotAfter(epoch) && kept.IsNotAfter(epoch + 1) && !kept.IsNotAfter(epoch - 1));
            Assert.True(epochs.TryAdvance());
        }
    }

    [Theory]
    [InlineData(1, 2, 1)]
    [InlineData(1023, 64, 1)]
    [InlineData(1024, 2, 4)]
    [InlineData(100_000, 1, 8)]
    [InlineData(100_000, 2, 8)]
    [InlineData(100_000, 64, 256)]
    [InlineData(1_000_000, 2, 64)]
    [InlineData(int.MaxValue, 64, 4096)]
    public void Stripes_are_few_for_small_caches_and_none_is_huge(int capacity, int processors, int expected) =>
        Assert.Equal(expected, StripeSet.CountFor(capacity, processors));

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(4096)]
    public void Stripe_index_is_in_range_and_spreads_even_consecutive_hashes(int count)
    {
        StripeSet set = new(count);
        HashSet<int> seen = [];
        for (ulong i = 0; i < 100_000; i++)
        {
            int index = set.IndexOf(Sluice.Hashing.XxHash64.Hash(BitConverter.GetBytes(i)));
            Assert.InRange(index, 0, count - 1);
            seen.Add(index);
        }

        Assert.Equal(count, seen.Count);
    }

    private static List<int> Found(in TagTable table, uint tag)
    {
        List<int> found = [];
        TagTable.Walk walk = new(table.Slots, tag);
        for (int index = walk.Next(); index >= 0; index = walk.Next())
            found.Add(index);
        return found;
    }
}
