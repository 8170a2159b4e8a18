using System.Text;
using Sluice.Aggregates;
using Sluice.Caching;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>Keys as strings, as characters, as UTF-8: one session, no string made, and no two keys that become one resource.</summary>
public sealed class KeyLookupTests
{
    public static TheoryData<string> Keys => ["a", "ab", "a longer key of more than thirty-two characters", "ключ", "鍵", "🔑🗝", new string('x', 512), new string('é', 256)];

    [Theory]
    [MemberData(nameof(Keys))]
    public void Text_utf8_and_string_name_the_same_session(string key)
    {
        CacheUnderTest t = new();
        t.Cache.TryMerge(Encoding.UTF8.GetBytes(key), new Amount(1), 0);
        t.Cache.TryMerge(key.AsSpan(), new Amount(2), 0);
        t.Merge(new string(key.AsSpan()), 4);
        Assert.Equal(1, t.Cache.Count);
        t.Cache.TryFlush(key, waiter: null);
        Taken item = t.Sink.Single();
        Assert.Equal((key, 7L), (item.Key, item.Delta.Sum));
    }

    [Fact]
    public void Invalid_keys_are_refused_in_every_form()
    {
        CacheUnderTest t = new();
        string tooLong = new('é', 257);
        Assert.ThrowsAny<ArgumentException>(() => t.Merge(null!));
        foreach (string key in new[] { "", tooLong, new string('x', 513), "\ud800", "x\udc00y" })
        {
            Assert.ThrowsAny<ArgumentException>(() => t.Merge(key));
            Assert.ThrowsAny<ArgumentException>(() => t.Cache.TryMerge(key.AsSpan(), new Amount(1), 0));
        }

        foreach (byte[] key in new byte[][] { [], Encoding.UTF8.GetBytes(tooLong), [0xFF], [0xC3], [0xED, 0xA0, 0x80], [(byte)'a', 0x80] })
            Assert.ThrowsAny<ArgumentException>(() => t.Cache.TryMerge(key, new Amount(1), 0));
        Assert.Equal(0, t.Cache.Count);
    }

    [Fact]
    public void Text_is_no_key_of_an_aggregate_with_numbers()
    {
        CacheUnderTest t = new();
        MergeCache<long, Amount, Tally> cache = new(Tally.Schema, KeyCodec.Int64, t.Options, t.Sink, t.Epochs);
        Assert.Throws<NotSupportedException>(() => cache.TryMerge("1".AsSpan(), new Amount(1), 0));
        Assert.Throws<NotSupportedException>(() => cache.TryMerge("1"u8, new Amount(1), 0));
    }

    [Fact]
    public void Codec_with_its_own_comparer_decides_which_keys_are_equal()
    {
        CacheUnderTest t = new();
        MergeCache<string, Amount, Tally> cache = new(Tally.Schema, new LowerCase(), t.Options, t.Sink, t.Epochs);
        cache.TryMerge("Key", new Amount(1), 0);
        cache.TryMerge("KEY".AsSpan(), new Amount(2), 0);
        cache.TryMerge("key"u8, new Amount(4), 0);
        cache.TryExpire("kEY", force: false, waiter: null);
        Taken item = t.Sink.Single();
        Assert.Equal(("key", 7L), (item.Key, item.Delta.Sum));
    }

    [Fact]
    public void Merging_a_resident_key_allocates_nothing_in_any_form()
    {
        CacheUnderTest t = new(soft: 1000);
        MergeCache<long, Amount, Tally> numbers = new(Tally.Schema, KeyCodec.Int64, t.Options, t.Sink, t.Epochs);
        string[] keys = [.. Enumerable.Range(0, 50).Select(i => $"a key that is resident {i}")];
        byte[][] utf8 = [.. keys.Select(Encoding.UTF8.GetBytes)];
        KeyValuePair<string, Amount>[] events = [.. keys.Select(k => KeyValuePair.Create(k, new Amount(1)))];
        void Round()
        {
            for (int i = 0; i < keys.Length; i++)
            {
                t.Cache.TryMerge(keys[i], new Amount(i), 0);
                t.Cache.TryMerge(keys[i].AsSpan(), new Amount(i), 0);
                t.Cache.TryMerge(utf8[i], new Amount(i), 0);
                numbers.TryMerge(i, new Amount(i), 0);
            }

            t.Cache.TryMerge(events, 0, out _);
        }

        Round();
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(50, t.Cache.Count);
    }

    [Fact]
    public void New_key_in_a_full_cache_allocates_nothing()
    {
        // Anything else (a closure, a string of the key, an array for each flush) would be paid by every eviction.
        CacheUnderTest t = new(capacity: 1000, sink: new ForgetfulSink());
        string[] keys = [.. Enumerable.Range(0, 20_000).Select(i => $"key {i}")];
        foreach (string key in keys)
            t.Merge(key);
        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (string key in keys)
            t.Merge(key);
        double each = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)keys.Length;

        // Places are used again. A stripe may have to grow a little while keys fall unevenly.
        Assert.InRange(each, 0, 1);
    }

    private sealed class LowerCase : KeyCodec<string>
    {
        public override IEqualityComparer<string> Comparer => StringComparer.OrdinalIgnoreCase;

        public override int Encode(string key, Span<byte> destination) => KeyCodec.String.Encode(key.ToLowerInvariant(), destination);

        public override string Decode(ReadOnlySpan<byte> bytes) => KeyCodec.String.Decode(bytes);
    }
}
