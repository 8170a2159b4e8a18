namespace Sluice;

/// <summary>
/// The mean of all contributions: an <see cref="AverageView"/>. Sum and count are kept exactly and divided only when they are read, because an average
/// of averages depends on how they were grouped. An event whose addition would overflow is refused whole (<see cref="FieldOverflowException"/>).
/// </summary>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class AverageAttribute : Attribute
{
    /// <summary>Averages contributions of type <see cref="long"/>.</summary>
    public AverageAttribute()
        : this(typeof(long))
    {
    }

    /// <summary>Averages contributions of a type.</summary>
    /// <param name="contributionType"><see cref="long"/>, <see cref="int"/> or <see cref="decimal"/>.</param>
    public AverageAttribute(Type contributionType) => ContributionType = contributionType;

    /// <summary>The type of the contributions.</summary>
    public Type ContributionType { get; }

    /// <summary>How many decimal places are kept of a <see cref="decimal"/>, 0 to <see cref="SumAttribute.MaxScale"/>; see <see cref="SumAttribute.Scale"/>.</summary>
    public int Scale { get; set; }
}
