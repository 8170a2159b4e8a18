using Sluice.Cli.Sessions;

namespace Sluice.Cli.Workers;

/// <summary>
/// A visitor's session that also says which lines it was made of, each as often as it was counted: what multiplicities can be checked with. The greatest window holds the
/// lines of any session of the logs that are traced; a session with more hits than line numbers would be seen to be wrong.
/// </summary>
[Aggregate("traced-visit")]
internal sealed partial class TracedVisit : IVisit
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

    [Window(1000)]
    public partial WindowView<long> Lines { get; }
}
