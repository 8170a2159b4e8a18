namespace Sluice.Tests.Running;

[Aggregate("visit")]
public partial class Visit
{
    [Key]
    public partial string VisitorId { get; }

    [Sum]
    public partial long Hits { get; }

    [Max]
    public partial DateTimeOffset LastSeen { get; }

    [Window(3)]
    public partial WindowView<string> LastPages { get; }

    [Distinct]
    public partial DistinctView Pages { get; }
}
