using Sluice.Cli.Report;

namespace Sluice.Cli.Tests.Tool;

public sealed class HumanUnitsTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1,023 B")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData(64_172_851, "61.2 MiB")]
    [InlineData(161_061_273_600, "150 GiB")]
    public void Bytes(double bytes, string text) => Assert.Equal(text, HumanUnits.Bytes(bytes));

    [Theory]
    [InlineData(0.34, "340 ms")]
    [InlineData(2.41, "2.41 s")]
    [InlineData(72, "1m 12s")]
    [InlineData(7380, "2h 3m")]
    public void Elapsed(double seconds, string text) => Assert.Equal(text, HumanUnits.Elapsed(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(12, "12")]
    [InlineData(1234, "1.23 k")]
    [InlineData(182_431, "182 k")]
    [InlineData(1_250_000, "1.25 M")]
    public void Rates(double rate, string text) => Assert.Equal(text, HumanUnits.Rate(rate));
}
