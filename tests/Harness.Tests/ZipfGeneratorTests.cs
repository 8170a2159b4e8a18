using Xunit;

namespace Sluice.Harness.Tests;

public sealed class ZipfGeneratorTests
{
    // A generator that is only "about zipf" makes every cache figure incomparable with published ones.
    [Theory]
    [InlineData(1, 0.99)]
    [InlineData(2, 1.0)]
    [InlineData(1_000, 0)]
    [InlineData(10_000, 0.99)]
    [InlineData(100_000, 1.2)]
    public void The_table_yields_every_rank_with_exactly_its_probability(int count, double exponent)
    {
        double[] table = new ZipfGenerator(count, exponent, seed: 1).TableProbabilities();

        double sum = Enumerable.Range(1, count).Sum(i => Math.Pow(i, -exponent));
        for (int rank = 0; rank < count; rank++)
            Assert.Equal(Math.Pow(rank + 1, -exponent) / sum, table[rank], 1e-12);
    }

    // The table may be right and the draw from it wrong (a column never chosen, keep and alias swapped).
    [Fact]
    public void Draws_follow_the_table()
    {
        const int count = 100, draws = 1_000_000;
        ZipfGenerator zipf = new(count, 0.99, seed: 20260101);
        double[] expected = zipf.TableProbabilities();
        int[] seen = new int[count];
        for (int i = 0; i < draws; i++)
            seen[zipf.Next()]++;

        double chiSquare = Enumerable.Range(0, count).Sum(rank => Math.Pow(seen[rank] - (draws * expected[rank]), 2) / (draws * expected[rank]));

        // 99 degrees of freedom: 148.2 is exceeded once in a thousand seeds; this seed is fixed.
        Assert.InRange(chiSquare, 50, 148.2);
    }

    [Fact]
    public void A_seed_always_gives_the_same_ranks_and_another_seed_gives_others()
    {
        ZipfGenerator zipf = new(1_000, 0.99, seed: 7);
        int[] first = Draw(zipf);

        Assert.Equal(first, Draw(zipf.WithSeed(7)));
        Assert.NotEqual(first, Draw(zipf.WithSeed(8)));
    }

    // The generator's published output for this seed: runs are repeatable across machines only if the numbers are.
    [Fact]
    public void The_random_numbers_are_those_of_the_published_algorithm()
    {
        SplitMix64 random = new(1234567);

        Assert.Equal(
            [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821],
            Enumerable.Range(0, 5).Select(_ => random.Next()));
    }

    private static int[] Draw(ZipfGenerator zipf) => [.. Enumerable.Range(0, 100).Select(_ => zipf.Next())];
}
