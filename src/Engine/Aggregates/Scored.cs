namespace Sluice;

/// <summary>A value and its score.</summary>
/// <typeparam name="T">The type of the value.</typeparam>
public readonly record struct Scored<T>
{
    /// <summary>A value with a score.</summary>
    /// <param name="value">The value.</param>
    /// <param name="score">The score: any number, infinities included; -0.0 is below 0.0.</param>
    /// <exception cref="ArgumentException">The score is NaN, which is neither above nor below any other.</exception>
    public Scored(T value, double score)
    {
        if (double.IsNaN(score))
            throw new ArgumentException("A score must not be NaN, which is neither above nor below any other.", nameof(score));
        Value = value;
        Score = score;
    }

    /// <summary>The value.</summary>
    public T Value { get; }

    /// <summary>The score.</summary>
    public double Score { get; }
}
