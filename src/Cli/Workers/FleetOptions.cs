using Sluice.Cli.Sessions;

namespace Sluice.Cli.Workers;

/// <summary>How worker processes share a run.</summary>
internal sealed record FleetOptions
{
    public required int Workers { get; init; }

    /// <summary>The coordinator's servers, as URLs.</summary>
    public required IReadOnlyList<string> Servers { get; init; }

    public required string Prefix { get; init; }

    /// <summary>Whether the prefix was made for this run, which removes what it stored when it is through.</summary>
    public required bool OwnsPrefix { get; init; }

    public required int Partitions { get; init; }

    /// <summary>How long a silent worker keeps what it holds.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A worker that says nothing for so long is killed, and others take over.</summary>
    public TimeSpan LostAfter { get; init; } = TimeSpan.FromSeconds(60);

    public required VisitEngineOptions Engine { get; init; }

    /// <summary>A folder for the record of every hand-over, or null.</summary>
    public string? Trace { get; init; }

    public WorkerStart StartOf(int worker) => new()
    {
        Worker = worker,
        Servers = Servers,
        Prefix = Prefix,
        Partitions = Partitions,
        Lease = Lease,
        Engine = Engine,
        Traced = Trace is not null,
    };
}
