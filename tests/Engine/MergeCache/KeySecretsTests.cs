using Sluice.Aggregates;
using Sluice.Caching;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>The table's hash: the same for spans as for strings, another for every seed, sensitive to every bit, and spread in the bits that are used.</summary>
public sealed class KeySecretsTests
{
    private static readonly KeySecrets Secrets = new(0x9E3779B97F4A7C15, 0xD1B54A32D192ED03);
    private static readonly KeySecrets Others = new(0x9E3779B97F4A7C15, 0xD1B54A32D192ED05);

    [Fact]
    public void Span_hashes_and_compares_as_the_string_it_would_become()
    {
        KeyEquality<string> keys = new(KeyCodec.String.Comparer);
        string text = new([.. Enumerable.Range(0, 300).Select(i => (char)(i * 37))]);
        for (int length = 0; length <= text.Length; length++)
        {
            string key = text[..length];
            ReadOnlySpan<char> span = ("x" + key).AsSpan(1);
            Assert.Equal(keys.Hash(key), keys.Hash(span));
            Assert.True(keys.AreEqual(key, span) && keys.AreEqual(key, span.ToString()));
        }

        Assert.True(keys is { FindsSpans: true, IsBuiltIn: true });
        Assert.False(keys.AreEqual("A", "a".AsSpan()) || keys.AreEqual("", "a".AsSpan()) || keys.AreEqual("A", "a"));
    }

    [Fact]
    public void Comparer_of_a_codec_decides_for_strings_and_for_spans()
    {
        KeyEquality<string> keys = new(StringComparer.OrdinalIgnoreCase);
        Assert.True(keys.FindsSpans && !keys.IsBuiltIn);
        Assert.Equal(keys.Hash("KEY"), keys.Hash("key".AsSpan()));
        Assert.True(keys.AreEqual("KEY", "key") && keys.AreEqual("KEY", "key".AsSpan()));
        Assert.False(new KeyEquality<string>(EqualityComparer<string>.Create(string.Equals, key => key.Length)).FindsSpans);
    }

    [Fact]
    public void Numbers_and_guids_hash_with_the_secrets_of_the_process()
    {
        // The framework's hash of a long is its halves xored: whoever can choose ids can choose a million that collide.
        HashSet<ulong> seen = [];
        for (ulong i = 0; i < 100_000; i++)
            seen.Add(Secrets.Hash(i | (i << 32)));
        Assert.Equal(100_000, seen.Count);
        Assert.NotEqual(Secrets.Hash(5), Others.Hash(5));
        Assert.Equal(KeySecrets.OfProcess.Hash(unchecked((ulong)-5L)), new KeyEquality<long>(KeyCodec.Int64.Comparer).Hash(-5));
        Assert.Equal(KeySecrets.OfProcess.Hash(unchecked((ulong)-5L)), new KeyEquality<int>(KeyCodec.Int32.Comparer).Hash(-5));
        Guid guid = new("00112233-4455-6677-8899-aabbccddeeff");
        Assert.Equal(KeySecrets.OfProcess.Hash(guid), new KeyEquality<Guid>(KeyCodec.Guid.Comparer).Hash(guid));
        byte[] bytes = guid.ToByteArray();
        for (int bit = 0; bit < 128; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(Secrets.Hash(guid), Secrets.Hash(new Guid(bytes)));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Every_bit_of_every_length_changes_the_hash_and_so_does_the_seed()
    {
        // A tail that is not read makes all keys with the same head collide.
        HashSet<ulong> seen = [];
        for (int length = 0; length <= 70; length++)
        {
            char[] key = new char[length];
            Assert.True(seen.Add(Secrets.Hash(key)), $"length {length}");
            Assert.NotEqual(Secrets.Hash(key), Others.Hash(key));
            for (int bit = 0; bit < 16 * length; bit++)
            {
                key[bit / 16] ^= (char)(1 << (bit % 16));
                Assert.True(seen.Add(Secrets.Hash(key)), $"length {length}, bit {bit}");
                key[bit / 16] ^= (char)(1 << (bit % 16));
            }
        }
    }

    [Theory]
    [InlineData("text")]
    [InlineData("consecutive")]
    [InlineData("in the high half")]
    [InlineData("multiples of a page")]
    public void Like_keys_spread_over_stripes_slots_and_tags_as_chance_would(string kind)
    {
        const int buckets = 1024, keys = 64 * buckets;
        int[] stripes = new int[buckets];
        int[] slots = new int[buckets];
        int[] tags = new int[buckets];
        for (int i = 0; i < keys; i++)
        {
            ulong hash = kind switch
            {
                "text" => Secrets.Hash($"user:{i:D8}"),
                "consecutive" => Secrets.Hash((ulong)i),
                "in the high half" => Secrets.Hash((ulong)i << 32),
                _ => Secrets.Hash((ulong)i * 4096),
            };
            stripes[hash >> 54]++;
            slots[(uint)hash >> 22]++;
            tags[hash % buckets]++;
        }

        // Chi-square with 1023 degrees of freedom: beyond 1250 by chance once in a million. Numbers in a row spread more evenly than chance.
        foreach (int[] counts in new[] { stripes, slots, tags })
            Assert.True(counts.Sum(c => (c - 64.0) * (c - 64.0) / 64) < 1250, $"{kind}: {counts.Sum(c => (c - 64.0) * (c - 64.0) / 64):F0}");
    }
}
