using System.Buffers;
using Sluice.Samples.Purchases;
using Xunit;

namespace Sluice.Samples.Tests.Purchases;

/// <summary>The set that makes a redelivery harmless.</summary>
public sealed class CountedPurchasesTests
{
    private static readonly CountedPurchases[] Samples =
    [
        CountedPurchases.Empty, Of(1), Of(1), Of(2, -500), Of(127), Of(128), Of(long.MaxValue, long.MinValue), CountedPurchases.Merge(Of(1), Of(300, long.MaxValue)),
        CountedPurchases.Merge(Of(new StreamId(1_900_000_000_000, 3).Position), Of(new StreamId(1_900_000_000_000, 4).Position)),
    ];

    [Fact]
    public void The_merge_keeps_the_laws() => OpaqueStateLaws.Check(Samples);

    // The one law more that redelivery asks for, and no engine does: a sum, which has all the others, counts twice.
    [Fact]
    public void What_is_merged_again_changes_nothing()
    {
        foreach (CountedPurchases one in Samples)
        {
            foreach (CountedPurchases other in Samples)
            {
                CountedPurchases both = CountedPurchases.Merge(one, other);
                Assert.Equal(both.Items, CountedPurchases.Merge(both, one).Items);
                Assert.Equal(both.Items, CountedPurchases.Merge(other, both).Items);
            }
        }
    }

    // What the documentation promises about the room that a session has.
    [Fact]
    public void Eight_thousand_purchases_of_a_stream_are_a_state_that_can_be_stored()
    {
        Random random = new(1);
        ArrayBufferWriter<byte> written = new();
        long at = 1_900_000_000_000;
        CountedPurchases[] purchases = [.. Enumerable.Range(0, 8_000).Select(i => Of(new StreamId(at += random.Next(1, 500), 0).Position, random.Next(100_000)))];
        while (purchases.Length > 1)
            purchases = [.. purchases.Chunk(2).Select(static pair => pair.Length == 2 ? CountedPurchases.Merge(pair[0], pair[1]) : pair[0])];

        CountedPurchases.Write(purchases[0], written);

        Assert.Equal(8_000, purchases[0].Items.Count);
        Assert.True(written.WrittenCount <= OpaqueAttribute.MaxBytes, $"{written.WrittenCount} bytes");
    }

    [Theory]
    [InlineData("1526919030474-55", 1526919030474, 55)]
    [InlineData("0-1", 0, 1)]
    public void Ids_of_entries_are_numbers_in_the_same_order(string text, long milliseconds, long sequence)
    {
        StreamId id = StreamId.Parse(text);
        Assert.Equal((new StreamId(milliseconds, sequence), text), (id, id.ToString()));
        Assert.True(id.Position < new StreamId(milliseconds, sequence + 1).Position && new StreamId(milliseconds, sequence + 1).Position < new StreamId(milliseconds + 1, 0).Position);
    }

    // Prevents: two entries with one position, of which one would not be counted.
    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("-1")]
    [InlineData("1--1")]
    [InlineData("1-1048576")]
    [InlineData("8796093022208-0")]
    public void An_id_that_does_not_fit_is_refused(string text) => Assert.Throws<FormatException>(() => StreamId.Parse(text));

    private static CountedPurchases Of(long position, long cents = 100) => CountedPurchases.Of(new Purchase(position, "ann", cents));
}
