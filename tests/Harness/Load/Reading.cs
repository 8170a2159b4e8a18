namespace Sluice.Harness.Load;

/// <summary>The aggregate of the conservation runs: two sums that must both be exact, a maximum, and a sketch.</summary>
[Aggregate("reading")]
internal partial class Reading
{
    [Key]
    public partial string Sensor { get; }

    [Sum]
    public partial long Count { get; }

    [Sum]
    public partial long Amount { get; }

    [Max]
    public partial long Highest { get; }
}
