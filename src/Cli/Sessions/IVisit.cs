namespace Sluice.Cli.Sessions;

/// <summary>What a visitor's session says, traced or not.</summary>
internal interface IVisit
{
    string Key { get; }

    long Hits { get; }

    long Bytes { get; }

    long Errors { get; }

    DateTimeOffset FirstSeen { get; }

    DateTimeOffset LastSeen { get; }

    WindowView<string> LastPages { get; }

    DistinctView DistinctPages { get; }
}
