using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Bench.Reporting;
using Sluice.Bench.Running;

namespace Sluice.Bench.Results;

/// <summary>The figures of one scenario with what they depend on: one file, <c>bench/results/SCENARIO.json</c>.</summary>
internal sealed record RecordedResults
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Of <c>bench</c>.</summary>
    public required string Command { get; init; }

    public required string Commit { get; init; }

    public required DateTimeOffset Date { get; init; }

    public required MachineFacts Machine { get; init; }

    public required IReadOnlyList<RecordedFigure> Figures { get; init; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="UsageException">It can't be read.</exception>
    public static RecordedResults Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<RecordedResults>(File.ReadAllText(path), Format) ?? throw new JsonException("null");
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new UsageException($"'{path}' is not a file of results ({e.Message}).");
        }
    }

    public async Task WriteAsync(string path, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        await File.WriteAllTextAsync(path, JsonSerializer.Serialize(this, Format) + "\n", cancellationToken);
    }
}

/// <summary>A line of the report, as it is kept: with the spread of its ratios.</summary>
internal sealed record RecordedFigure(
    string Scenario,
    string Case,
    string Variant,
    int? Threads,
    int? Callers,
    long Operations,
    double? OpsPerSecond,
    double? P50Micros,
    double? P99Micros,
    double? P999Micros,
    double? CpuMicrosPerOp,
    double? ServerCpuMicrosPerOp,
    double? BytesPerOp,
    string? Reference,
    double? Ratio,
    double? RatioLowerQuartile,
    double? RatioUpperQuartile,
    string? Target,
    bool? Met,
    string? Note)
{
    public static RecordedFigure Of(Measurement line) => new(
        line.Scenario, line.Case, line.Variant, line.Threads, line.Callers, line.Operations, line.OpsPerSecond, line.P50Micros, line.P99Micros, line.P999Micros, line.CpuMicrosPerOp,
        line.ServerCpuMicrosPerOp, line.BytesPerOp, line.Reference, line.Ratio, line.RatioQuartiles?.Lower, line.RatioQuartiles?.Upper, line.Goal?.ToString(), line.Met, line.Note);
}

/// <summary>Passes on to another report, and keeps.</summary>
internal sealed class KeepingReport(Report next) : Report
{
    private readonly List<RecordedFigure> _figures = [];

    public IReadOnlyList<RecordedFigure> Figures => _figures;

    public override void Begin(string scenario, string caseName) => next.Begin(scenario, caseName);

    public override void Add(IReadOnlyList<Measurement> measurements)
    {
        next.Add(measurements);
        _figures.AddRange(measurements.Select(RecordedFigure.Of));
    }
}
