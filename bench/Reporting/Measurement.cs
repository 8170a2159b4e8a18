using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Bench.Running;
using Sluice.Harness;

namespace Sluice.Bench.Reporting;

/// <summary>One line of the report: the fields of the runner's contract, in its order.</summary>
internal sealed record Measurement
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public required string Scenario { get; init; }

    public required string Case { get; init; }

    public required string Variant { get; init; }

    public int? Threads { get; init; }

    public int? Callers { get; init; }

    public long Operations { get; init; }

    public double? OpsPerSecond { get; init; }

    public double? P50Micros { get; init; }

    public double? P99Micros { get; init; }

    public double? P999Micros { get; init; }

    public double? CpuMicrosPerOp { get; init; }

    public double? ServerCpuMicrosPerOp { get; init; }

    public double? BytesPerOp { get; init; }

    public string? Reference { get; init; }

    public double? Ratio { get; init; }

    public double? Target => Goal?.Ratio;

    public bool? Met { get; init; }

    /// <summary>What a reader must know to judge the line, or null.</summary>
    public string? Note { get; init; }

    /// <summary>The target with its direction.</summary>
    [JsonIgnore]
    public Target? Goal { get; init; }

    /// <summary>For the table: how much the pairs differ.</summary>
    [JsonIgnore]
    public Quartiles? RatioQuartiles { get; init; }

    /// <summary>One line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Format);
}
