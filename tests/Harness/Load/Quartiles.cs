namespace Sluice.Harness;

/// <summary>The quartiles of a sample, by linear interpolation between its sorted members (type 7 of Hyndman and Fan, as spreadsheets do).</summary>
/// <param name="Lower">A quarter of the sample lies at or below it.</param>
/// <param name="Median">Half of the sample lies at or below it.</param>
/// <param name="Upper">Three quarters of the sample lie at or below it.</param>
public readonly record struct Quartiles(double Lower, double Median, double Upper)
{
    /// <summary>The quartiles of 1 or more numbers.</summary>
    /// <exception cref="ArgumentException">There is no number.</exception>
    public static Quartiles Of(IEnumerable<double> sample)
    {
        double[] sorted = [.. sample.Order()];
        if (sorted.Length == 0)
            throw new ArgumentException("Quartiles need at least one number.", nameof(sample));
        return new Quartiles(At(sorted, 0.25), At(sorted, 0.5), At(sorted, 0.75));
    }

    private static double At(double[] sorted, double fraction)
    {
        double position = fraction * (sorted.Length - 1);
        int below = (int)position;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
    }
}
