namespace Sluice;

/// <summary>
/// What is left of <see cref="Initial"/> after all contributions were taken from it: a sum of negations, and therefore as independent of the order as
/// a sum. A <see cref="long"/>, an <see cref="int"/>, a <see cref="decimal"/> of a declared <see cref="Scale"/>, or a <see cref="double"/>, which is
/// rounded like a <see cref="SumAttribute">[Sum]</see> of doubles. An event whose subtraction would overflow is refused whole
/// (<see cref="FieldOverflowException"/>).
/// </summary>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class DiffAttribute : Attribute
{
    /// <summary>What a resource has before the first contribution. It is not stored: it is added when the aggregate is read.</summary>
    public long Initial { get; set; }

    /// <summary>How many decimal places a <see cref="decimal"/> keeps, 0 to <see cref="SumAttribute.MaxScale"/>; see <see cref="SumAttribute.Scale"/>.</summary>
    public int Scale { get; set; }
}
