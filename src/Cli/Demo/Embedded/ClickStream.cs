using System.Globalization;
using Sluice.Cli.Sample;

namespace Sluice.Cli.Demo.Embedded;

/// <summary>Clicks on pages of which few are popular (zipf, exponent 1), each of some bytes. The same for the same seed. For one thread.</summary>
internal sealed class ClickStream
{
    public const int Pages = 2_000;

    private static readonly double[] Cumulative = Accumulate();
    private static readonly string[] Names = [.. Enumerable.Range(0, Pages).Select(static page => string.Create(CultureInfo.InvariantCulture, $"/page/{page}"))];
    private SampleRandom _random;

    public ClickStream(ulong seed) => _random = new SampleRandom(SampleRandom.Mix(seed + 1));

    public static string NameOf(int page) => Names[page];

    /// <summary>The page that a name was made of.</summary>
    public static int PageOf(string name) => int.Parse(name.AsSpan("/page/".Length), CultureInfo.InvariantCulture);

    public (int Page, int Bytes) Next()
    {
        int page = Array.BinarySearch(Cumulative, _random.Unit());
        return (Math.Min(page < 0 ? ~page : page, Pages - 1), 200 + _random.Below(40_000));
    }

    private static double[] Accumulate()
    {
        double[] sums = new double[Pages];
        double sum = 0;
        for (int page = 0; page < Pages; page++)
            sums[page] = sum += 1.0 / (page + 1);
        for (int page = 0; page < Pages; page++)
            sums[page] /= sum;
        return sums;
    }
}
