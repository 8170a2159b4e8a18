using System.Globalization;
using System.Text;
using Sluice.Resp.Client;
using Xunit;

namespace Sluice.Resp.Tests.Tracking;

/// <summary>Bounds and rules of the table, without a server.</summary>
public sealed class CacheTableTests
{
    // Prevents memory without bound, in keys or in bytes.
    [Theory]
    [InlineData(10, long.MaxValue)]
    [InlineData(1, long.MaxValue)]
    [InlineData(int.MaxValue, 5000)]
    public void Entries_and_bytes_stay_within_their_bounds(int maxEntries, long maxBytes)
    {
        CacheTable table = new(maxEntries, maxBytes);
        Random random = new(5);
        long evicted = 0, filled = 0;
        for (int step = 0; step < 5000; step++)
        {
            string key = random.Next(300).ToString(CultureInfo.InvariantCulture);
            if (random.Next(4) == 0)
                table.Remove(Encoding.UTF8.GetBytes(key));
            else if (!table.TryGet(Encoding.UTF8.GetBytes(key), 0, out _) && Fill(table, key, new byte[random.Next(500)], out int dropped))
                (evicted, filled) = (evicted + dropped, filled + 1);
            Assert.InRange(table.Count, 0, maxEntries);
            Assert.InRange(table.Bytes, 0, maxBytes);
        }

        Assert.True(evicted > 0 && filled > evicted);
        for (int key = 0; key < 300; key++)
            table.Remove(Encoding.UTF8.GetBytes(key.ToString(CultureInfo.InvariantCulture)));
        Assert.Equal((0, 0L), (table.Count, table.Bytes));
        Assert.True(Fill(table, "a", null, out _));
        Assert.Equal(1, table.Count);
    }

    // Prevents that reading through many keys once throws out those that are read all the time.
    [Fact]
    public void A_scan_does_not_push_out_what_is_read_again_and_again()
    {
        CacheTable table = new(100, long.MaxValue);
        for (int key = 0; key < 50; key++)
            Fill(table, $"hot{key}", [], out _);
        for (int scan = 0; scan < 5000; scan++)
        {
            Assert.True(table.TryGet(Encoding.UTF8.GetBytes($"hot{scan % 50}"), 0, out _));
            Fill(table, $"cold{scan}", [], out _);
        }
    }

    // Prevents a value that is larger than all room from emptying it.
    [Fact]
    public void What_can_never_fit_evicts_nothing()
    {
        CacheTable table = new(100, 1000);
        Fill(table, "a", new byte[100], out _);
        Assert.False(Fill(table, "b", new byte[2000], out int evicted));
        Assert.Equal((1, 0), (table.Count, evicted));
    }

    // Prevents the old value of a read that an invalidation overtook, where replies and invalidations come over different connections.
    [Fact]
    public void A_placeholder_that_was_taken_out_is_never_filled_and_does_not_touch_its_successor()
    {
        CacheTable table = new(100, long.MaxValue);
        CacheFlight first = Enter(table, "a"), joined = new(null!, 0, asksForExpiry: false);
        Assert.Same(first, table.Enter("a"u8, joined, 0, out _));
        table.Remove("a"u8);
        CacheFlight second = Enter(table, "a");
        Assert.NotSame(first, second);
        Assert.False(table.TryFill(first.Entry!, [1], long.MaxValue, out _));
        table.Withdraw(first.Entry!);
        Assert.True(table.TryFill(second.Entry!, [2], long.MaxValue, out _));
        Assert.True(table.TryGet("a"u8, 0, out byte[]? value));
        Assert.Equal([2], value!);
    }

    private static CacheFlight Enter(CacheTable table, string key)
    {
        CacheFlight flight = new(null!, 0, asksForExpiry: false);
        Assert.Same(flight, table.Enter(Encoding.UTF8.GetBytes(key), flight, 0, out _));
        return flight;
    }

    private static bool Fill(CacheTable table, string key, byte[]? value, out int evicted) => table.TryFill(Enter(table, key).Entry!, value, long.MaxValue, out evicted);
}
