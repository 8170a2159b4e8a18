using Sluice.Caching;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>The parts a stripe is made of: the heap of deadlines, the recency list, and how many stripes there are.</summary>
public sealed class StripeStructureTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Heap_always_shows_its_earliest_member_and_lets_any_leave(int seed)
    {
        // A member whose index went stale would be removed in another's stead: that one's session would never end.
        Random random = new(seed);
        DeadlineHeap heap = new();
        Dictionary<ResidentNode, long> expected = [];
        for (int step = 0; step < 20_000; step++)
        {
            bool growing = step % 4000 < 2000;
            int choice = random.Next(10);
            if (expected.Count == 0 || choice < (growing ? 5 : 2))
            {
                Node node = new();
                expected[node] = random.Next(1000);
                heap.Add(node, expected[node]);
            }
            else
            {
                ResidentNode node = choice % 2 == 0 ? heap.Root : expected.Keys.ElementAt(random.Next(expected.Count));
                if (choice < 7)
                {
                    expected[node] += random.Next(300);
                    heap.Reschedule(node, expected[node]);
                }
                else
                {
                    heap.Remove(node);
                    expected.Remove(node);
                    Assert.Equal(-1, node.HeapIndex);
                }
            }

            Assert.Equal(expected.Values.DefaultIfEmpty(long.MaxValue).Min(), heap.Earliest);
            if (expected.Count != 0)
                Assert.Equal(heap.Earliest, expected[heap.Root]);
        }
    }

    [Fact]
    public void Hand_walks_from_the_oldest_to_the_newest_and_survives_removals_under_it()
    {
        RecencyList list = new();
        Node[] nodes = [new(), new(), new(), new()];
        foreach (Node node in nodes)
            list.Add(node);
        Assert.Same(nodes[0], list.Advance());
        Assert.Same(nodes[1], list.Advance());
        list.Remove(nodes[2]);
        Assert.Same(nodes[3], list.Advance());
        Node late = new();
        list.Add(late);
        Assert.Same(nodes[0], list.Advance());
        list.Remove(nodes[0]);
        list.Remove(nodes[1]);
        list.Remove(nodes[3]);
        Assert.Equal(1, list.Count);
        Assert.Same(late, list.Newest);
        Assert.Same(late, list.Advance());
        Assert.Same(late, list.Advance());
        list.Remove(late);
        Assert.Null(list.Advance());
        Assert.Null(list.Newest);
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

    private sealed class Node : ResidentNode;
}
