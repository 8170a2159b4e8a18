using Sluice.Caching;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>The table's hash of strings: the same for spans, another for every seed, and sensitive to every bit.</summary>
public sealed class StringKeyComparerTests
{
    private static readonly StringKeyComparer Comparer = new(0x9E3779B97F4A7C15, 0xD1B54A32D192ED03);

    [Fact]
    public void Span_hashes_and_compares_as_the_string_it_would_become()
    {
        string text = new([.. Enumerable.Range(0, 300).Select(i => (char)(i * 37))]);
        for (int length = 0; length <= text.Length; length++)
        {
            string key = text[..length];
            ReadOnlySpan<char> span = ("x" + key).AsSpan(1);
            Assert.Equal(Comparer.GetHashCode(key), Comparer.GetHashCode(span));
            Assert.True(Comparer.Equals(span, key));
            Assert.Equal(key, Comparer.Create(span));
        }

        Assert.False(Comparer.Equals("a".AsSpan(), "A"));
        Assert.False(Comparer.Equals("a".AsSpan(), ""));
    }

    [Fact]
    public void Every_bit_of_every_length_changes_the_hash_and_so_does_the_seed()
    {
        // A tail that is not read makes all keys with the same head collide.
        StringKeyComparer other = new(0x9E3779B97F4A7C15, 0xD1B54A32D192ED05);
        HashSet<ulong> seen = [];
        for (int length = 0; length <= 70; length++)
        {
            char[] key = new char[length];
            Assert.True(seen.Add(Comparer.Hash(key)), $"length {length}");
            Assert.NotEqual(Comparer.Hash(key), other.Hash(key));
            for (int bit = 0; bit < 16 * length; bit++)
            {
                key[bit / 16] ^= (char)(1 << (bit % 16));
                Assert.True(seen.Add(Comparer.Hash(key)), $"length {length}, bit {bit}");
                key[bit / 16] ^= (char)(1 << (bit % 16));
            }
        }
    }

    [Fact]
    public void Like_keys_spread_over_buckets_as_chance_would()
    {
        const int buckets = 1024, keys = 64 * buckets;
        int[] low = new int[buckets];
        int[] high = new int[buckets];
        for (int i = 0; i < keys; i++)
        {
            uint hash = (uint)Comparer.GetHashCode($"user:{i:D8}");
            low[hash % buckets]++;
            high[hash >> 22]++;
        }

        // Chi-square with 1023 degrees of freedom: beyond 1250 by chance once in a million.
        foreach (int[] counts in new[] { low, high })
            Assert.True(counts.Sum(c => (c - 64.0) * (c - 64.0) / 64) < 1250);
    }
}
