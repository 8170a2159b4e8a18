namespace Sluice.Cli.Sessions;

/// <summary>A visitor's session.</summary>
[Aggregate("visit")]
internal sealed partial class Visit : IVisit
{
    [Key]
    public partial string Key { get; }

    [Sum]
    public partial long Hits { get; }

    [Sum]
    public partial long Bytes { get; }

    [Sum]
    public partial long Errors { get; }

    [Min]
    public partial DateTimeOffset FirstSeen { get; }

    [Max]
    public partial DateTimeOffset LastSeen { get; }

    [Window(10)]
    public partial WindowView<string> LastPages { get; }

    [Distinct]
    public partial DistinctView DistinctPages { get; }
}
