using Sluice.Cli.Input;
using Sluice.Cli.Sessions;

namespace Sluice.Cli;

/// <summary>What <c>sluice ingest</c> was asked to do.</summary>
internal sealed record IngestOptions
{
    public required IReadOnlyList<LogInput> Inputs { get; init; }

    /// <summary>Where sessions go, as people know it.</summary>
    public string Output { get; init; } = "";

    public required Func<LogParser> CreateParser { get; init; }

    public KeyField Key { get; init; } = KeyField.Client;

    public required VisitEngineOptions Engine { get; init; }

    public int Workers { get; init; } = 1;

    /// <summary>
    /// The log's unit of time: lines within one unit are ordered by their number. A second in the combined format, a millisecond in JSON.
    /// </summary>
    public long TimeUnitTicks { get; init; } = TimeSpan.TicksPerSecond;
}
