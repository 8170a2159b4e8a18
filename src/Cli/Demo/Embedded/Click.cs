namespace Sluice.Cli.Demo.Embedded;

/// <summary>What is counted of a page.</summary>
[Aggregate("click")]
internal sealed partial class Click
{
    [Key]
    public partial string Page { get; }

    [Sum]
    public partial long Hits { get; }

    [Sum]
    public partial long Bytes { get; }
}
