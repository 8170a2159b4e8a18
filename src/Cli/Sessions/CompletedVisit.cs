namespace Sluice.Cli.Sessions;

/// <summary>One completed session, as it is written.</summary>
internal sealed record CompletedVisit
{
    public required string Key { get; init; }

    public required long Generation { get; init; }

    public required string IdempotencyKey { get; init; }

    public required long FencingToken { get; init; }

    public required long Hits { get; init; }

    public required long Bytes { get; init; }

    public required long Errors { get; init; }

    public required DateTimeOffset FirstSeen { get; init; }

    public required DateTimeOffset LastSeen { get; init; }

    /// <summary>The newest pages, newest first.</summary>
    public required IReadOnlyList<string> LastPages { get; init; }

    public required long DistinctPages { get; init; }

    public required CompletionReason Reason { get; init; }

    /// <summary>1 the first time this session is handed over, more when it is handed over again.</summary>
    public required int Attempt { get; init; }

    /// <summary>The numbers of its lines, when the run is traced.</summary>
    public IReadOnlyList<long> Lines { get; init; } = [];
}
