using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace Sluice.Docs.Tests;

/// <summary>The dashboard beside docs/metrics.md, whose names another test compares with the code.</summary>
public sealed partial class DashboardTests
{
    private static string Folder => Path.Combine(DocumentationTests.Root, "docs");

    // Prevents: a panel that stays empty for ever, because its metric was renamed, and which nobody misses until it is needed.
    [Fact]
    public void The_dashboard_asks_for_nothing_but_documented_instruments_and_for_all_of_them()
    {
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "grafana.json")));
        string[] queries = [.. Queries(dashboard.RootElement)];
        HashSet<string> asked = [.. queries.SelectMany(static query => SeriesName().Matches(Selectors().Replace(query, "")).Select(static match => match.Value)).Where(static name => !Labels.Contains(name))];
        HashSet<string> documented = [.. Instruments()];

        Assert.True(documented.Count > 30 && queries.Length > 20);
        Assert.Empty(asked.Except(documented));
        Assert.Empty(documented.Except(asked));
    }

    // Prevents: a dashboard that an import refuses, or that shows panels on top of each other.
    [Fact]
    public void Panels_have_numbers_of_their_own_and_do_not_overlap()
    {
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "grafana.json")));
        HashSet<int> numbers = [];
        HashSet<(int X, int Y)> taken = [];
        foreach (JsonElement panel in dashboard.RootElement.GetProperty("panels").EnumerateArray())
        {
            Assert.True(numbers.Add(panel.GetProperty("id").GetInt32()));
            JsonElement place = panel.GetProperty("gridPos");
            (int x, int y, int width, int height) = (place.GetProperty("x").GetInt32(), place.GetProperty("y").GetInt32(), place.GetProperty("w").GetInt32(), place.GetProperty("h").GetInt32());
            Assert.InRange(x + width, 1, 24);
            for (int i = 0; i < width * height; i++)
                Assert.True(taken.Add((x + (i % width), y + (i / width))), panel.GetProperty("title").GetString());
        }
    }

    private static readonly HashSet<string> Labels = ["sluice_aggregate", "sluice_cause", "sluice_outcome", "sluice_region"];

    private static IEnumerable<string> Queries(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(static property =>
            property.Name is "expr" or "query" && property.Value.ValueKind == JsonValueKind.String ? [property.Value.GetString()!] : Queries(property.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Queries),
        _ => [],
    };

    /// <summary>The page's instruments as the exporter for Prometheus names them: dots become lines, a unit in braces is a remark, counters end in total and histograms have buckets.</summary>
    private static IEnumerable<string> Instruments()
    {
        foreach (Match row in Row().Matches(File.ReadAllText(Path.Combine(Folder, "metrics.md"))))
        {
            (string name, string kind, string unit) = (row.Groups["name"].Value, row.Groups["kind"].Value, row.Groups["unit"].Value);
            yield return name.Replace('.', '_') + (unit == "s" ? "_seconds" : "") + kind switch
            {
                "counter" => "_total",
                "histogram" => "_bucket",
                _ => "",
            };
        }
    }

    [GeneratedRegex(@"^\| `(?<name>sluice\.[a-z_.]+)` \| (?<kind>counter|up-down counter|gauge|histogram) \| (?<unit>[^|]+?) \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("sluice_[a-z_]+")]
    private static partial Regex SeriesName();

    /// <summary>What stands in braces chooses among series, and names labels only.</summary>
    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Selectors();
}
