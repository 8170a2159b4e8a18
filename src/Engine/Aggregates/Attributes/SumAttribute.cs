namespace Sluice;

/// <summary>
/// The sum of all contributions. A <see cref="long"/>, an <see cref="int"/> and a <see cref="decimal"/> of a declared <see cref="Scale"/> are exact in
/// any order; a <see cref="double"/> is rounded at every addition, so that its last digits depend on the order in which contributions met. An event
/// whose addition would overflow is refused whole (<see cref="FieldOverflowException"/>); a sum never wraps. Contributions may be negative.
/// </summary>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class SumAttribute : Attribute
{
    /// <summary>The greatest <see cref="Scale"/>.</summary>
    public const int MaxScale = 18;

    /// <summary>
    /// How many decimal places a <see cref="decimal"/> sum keeps, 0 to <see cref="MaxScale"/>; required for decimal, and for nothing else. The sum is
    /// kept as a 64-bit number of units of the last place: with a scale of 2 it reaches 92,233,720,368,547,758.07. A contribution with more places is
    /// refused where the event is made; nothing is rounded.
    /// </summary>
    public int Scale { get; set; }
}
