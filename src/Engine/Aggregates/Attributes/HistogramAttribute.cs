namespace Sluice;

/// <summary>
/// How the contributions are distributed, with quantiles of a fixed relative error: a <see cref="HistogramView"/>. A contribution is a
/// <see cref="double"/> from 0 to less than 2^63; others are refused where the event is made.
/// </summary>
/// <param name="relativeError">
/// How far a quantile may be from the contribution that it stands for, <see cref="MinRelativeError"/> to <see cref="MaxRelativeError"/>. Buckets halve
/// in width with every step, so the next smaller power of two is kept: 0.01 keeps 1/128.
/// </param>
/// <remarks>
/// Contributions below 2^-30 (about one billionth) are counted as 0. Buckets are fixed by the declaration, so histograms merge exactly, by adding
/// counts. A bucket takes 10 bytes in memory and mostly 3 on the way, and only those that were hit are kept.
/// </remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class HistogramAttribute(double relativeError = 0.01) : Attribute
{
    /// <summary>The smallest relative error: 2^-10.</summary>
    public const double MinRelativeError = 1.0 / 1024;

    /// <summary>The greatest relative error.</summary>
    public const double MaxRelativeError = 0.125;

    /// <summary>The relative error that was asked for.</summary>
    public double RelativeError { get; } = relativeError;
}
