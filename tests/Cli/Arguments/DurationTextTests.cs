using Sluice.Cli.Arguments;

namespace Sluice.Cli.Tests.Arguments;

public sealed class DurationTextTests
{
    [Theory]
    [InlineData("30m", 1800)]
    [InlineData("1h30m", 5400)]
    [InlineData("90s", 90)]
    [InlineData("1d", 86400)]
    [InlineData("1d2h3m4s", 93784)]
    [InlineData("500ms", 0.5)]
    [InlineData("2S", 2)]
    [InlineData("3650d", 315360000)]
    public void Durations_are_read_as_people_type_them(string text, double seconds)
    {
        Assert.True(DurationText.TryParse(text, out TimeSpan? duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
        Assert.True(DurationText.TryParse(DurationText.Of(duration), out TimeSpan? again));
        Assert.Equal(duration, again);
    }

    [Fact]
    public void None_is_no_limit()
    {
        Assert.True(DurationText.TryParse("none", out TimeSpan? duration));
        Assert.Null(duration);
        Assert.Equal("none", DurationText.Of(null));
    }

    [Theory]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("m")]
    [InlineData("0s")]
    [InlineData("-5m")]
    [InlineData("1.5h")]
    [InlineData("30 m")]
    [InlineData("5w")]
    [InlineData("30m1h")]
    [InlineData("1h1h")]
    [InlineData("3651d")]
    [InlineData("99999999999d")]
    public void Anything_else_is_refused(string text) => Assert.False(DurationText.TryParse(text, out _));

    [Theory]
    [InlineData("100000", 100_000)]
    [InlineData("100,000", 100_000)]
    [InlineData("100_000", 100_000)]
    [InlineData("100k", 100_000)]
    [InlineData("2M", 2_000_000)]
    [InlineData("1G", 1_000_000_000)]
    public void Counts_are_read_as_people_type_them(string text, long count)
    {
        Assert.True(CountText.TryParse(text, out long value));
        Assert.Equal(count, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("k")]
    [InlineData("-1")]
    [InlineData("1.5k")]
    [InlineData("many")]
    [InlineData("99999999999999999999")]
    [InlineData("9999999999G")]
    public void Other_counts_are_refused(string text) => Assert.False(CountText.TryParse(text, out _));
}
