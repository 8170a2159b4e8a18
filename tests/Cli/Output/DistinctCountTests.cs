using System.Text;
using Sluice.Cli.Output;

namespace Sluice.Cli.Tests.Output;

public sealed class DistinctCountTests
{
    [Fact]
    public void Up_to_the_limit_the_count_is_exact()
    {
        DistinctCount count = new(1000);
        for (int i = 0; i < 5000; i++)
            count.Add(Encoding.UTF8.GetBytes($"key {i % 1000}"));
        Assert.True(count.IsExact);
        Assert.Equal(1000, count.Value);
    }

    [Theory]
    [InlineData(10_000)]
    [InlineData(100_000)]
    [InlineData(1_000_000)]
    public void Above_it_the_count_is_an_estimate_that_says_so(int keys)
    {
        DistinctCount count = new(4096);
        for (int i = 0; i < keys; i++)
            count.Add(Encoding.UTF8.GetBytes($"key {i}"));
        Assert.False(count.IsExact);
        Assert.InRange(count.Value, keys * 0.9, keys * 1.1);
    }
}
