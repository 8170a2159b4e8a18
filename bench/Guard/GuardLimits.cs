using System.Text.Json;

namespace Sluice.Bench.Guard;

/// <summary>What the guard holds the paths to: the ratios that were recorded, and how much slower than that a path may be. <c>bench/guard.json</c>.</summary>
internal sealed record GuardLimits
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>A path fails below this part of its recorded ratio: noise of a machine, and the difference between machines, are less; what somebody would call a regression is more.</summary>
    public double Slack { get; init; } = 0.6;

    /// <summary>Where the ratios were recorded.</summary>
    public MachineFacts? Machine { get; init; }

    /// <summary>By path: its speed over its reference's.</summary>
    public SortedDictionary<string, double> Ratios { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Reads the file.</summary>
    /// <exception cref="Running.UsageException">It is not there, or can't be read.</exception>
    public static async Task<GuardLimits> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            await using FileStream file = File.OpenRead(path);
            return await JsonSerializer.DeserializeAsync<GuardLimits>(file, Format, cancellationToken) ?? throw new JsonException("null");
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new Running.UsageException($"The limits could not be read from '{path}' ({e.Message}). Record them with: guard --record");
        }
    }

    public async Task WriteAsync(string path, CancellationToken cancellationToken) =>
        await File.WriteAllTextAsync(path, JsonSerializer.Serialize(this, Format) + "\n", cancellationToken);

    /// <summary>The least ratio that a path may have, or null when none was recorded.</summary>
    public double? LeastOf(string path) => Ratios.TryGetValue(path, out double recorded) ? recorded * Slack : null;
}
