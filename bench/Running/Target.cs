using System.Globalization;
using Sluice.Harness;

namespace Sluice.Bench.Running;

/// <summary>What a ratio compares: the figure of the variant over that of its reference.</summary>
internal enum Figure
{
    /// <summary>Operations per second; more is better.</summary>
    Throughput,

    /// <summary>This process's CPU time per operation; less is better.</summary>
    Cpu,

    /// <summary>The server's CPU time per operation; less is better.</summary>
    ServerCpu,

    /// <summary>The server's CPU time per operation itself, in microseconds, not over the reference's.</summary>
    ServerMicros,
}

/// <summary>The number that a ratio must reach.</summary>
/// <param name="Figure">What is compared.</param>
/// <param name="Ratio">For throughput the least, for CPU time the most that the ratio (or the figure itself) may be.</param>
internal sealed record Target(Figure Figure, double Ratio)
{
    /// <summary>At least so many times the reference's operations per second.</summary>
    public static Target AtLeast(double ratio) => new(Figure.Throughput, ratio);

    /// <summary>At most so many microseconds of the server's CPU time per operation.</summary>
    public static Target AtMostServerMicros(double micros) => new(Figure.ServerMicros, micros);

    /// <summary>
    /// Whether the pairs meet the target: true when at least three quarters of them do, false when at most a quarter does (the better quartile
    /// misses it), null in between. One noisy neighbour moves a median of five; it does not move both quartiles.
    /// </summary>
    public bool? IsMetBy(Quartiles ratios) => Figure == Figure.Throughput
        ? Verdict(holds: ratios.Lower >= Ratio, misses: ratios.Upper < Ratio)
        : Verdict(holds: ratios.Upper <= Ratio, misses: ratios.Lower > Ratio);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(Figure == Figure.Throughput ? ">=" : "<=")} {Ratio:0.##}{(Figure == Figure.ServerMicros ? " us" : "x")}");

    private static bool? Verdict(bool holds, bool misses) => holds ? true : misses ? false : null;
}
