namespace Sluice;

/// <summary>The contributions to an <see cref="AverageAttribute">[Average]</see> field: how many, their sum, and the quotient.</summary>
/// <param name="Count">How many contributions there were.</param>
/// <param name="Sum">Their exact sum.</param>
public readonly record struct AverageView(long Count, decimal Sum)
{
    /// <summary>The mean, rounded to the 28 digits of a <see cref="decimal"/>; <see langword="null"/> when nothing was contributed.</summary>
    public decimal? Mean => Count == 0 ? null : Sum / Count;
}
