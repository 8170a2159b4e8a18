namespace Sluice.Testing.Tests;

[Aggregate("visit")]
public partial class Visit
{
    [Key]
    public partial string VisitorId { get; }

    [Sum]
    public partial long Hits { get; }
}
