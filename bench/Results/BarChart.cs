using System.Globalization;
using System.Security;
using System.Text;

namespace Sluice.Bench.Results;

/// <summary>
/// A picture of one scenario: a group of bars for each case, a bar for each variant, as long as its operations per second. Groups have scales of their own: what is compared stands in one group. Colours
/// that both a light and a dark page carry.
/// </summary>
internal static class BarChart
{
    private const int Width = 860;
    private const int LabelWidth = 230;
    private const int BarWidth = 400;
    private const int RowHeight = 22;
    private const int GroupGap = 34;
    private const int Top = 64;

    public static string Draw(RecordedResults results)
    {
        // A variant has a line for each comparison, with the same figures: the first one says which comparison is shown.
        RecordedFigure[][] groups = [.. results.Figures
            .Where(static figure => figure.OpsPerSecond is > 0)
            .GroupBy(static figure => figure.Case)
            .Select(static group => group.DistinctBy(static figure => figure.Variant).ToArray())];
        string scenario = results.Figures.Count == 0 ? "" : results.Figures[0].Scenario;
        int height = Top + groups.Sum(static group => GroupGap + (group.Length * RowHeight)) + 16;
        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {height}" font-family="system-ui, sans-serif" font-size="13" fill="#7d8590">""").Append('\n');
        svg.Append(CultureInfo.InvariantCulture, $"""<title>{Text(scenario)}: operations per second</title>""").Append('\n');
        Line(svg, 12, 24, "start", "#57606a", $"{scenario}: operations per second, longer is better", "16");
        Line(svg, 12, 44, "start", "#7d8590", $"{results.Machine} · {results.Date:yyyy-MM-dd} · {(results.Commit.Length > 9 ? results.Commit[..9] : results.Commit)}", "12");
        int y = Top;
        foreach (RecordedFigure[] group in groups)
        {
            Line(svg, 12, y + 18, "start", "#57606a", group[0].Case, "13");
            y += GroupGap - 8;
            double longest = group.Max(static figure => figure.OpsPerSecond!.Value);
            foreach (RecordedFigure figure in group)
            {
                double length = Math.Max(1, BarWidth * figure.OpsPerSecond!.Value / longest);
                bool isProduct = figure.Variant.StartsWith("sluice", StringComparison.Ordinal);
                Line(svg, LabelWidth - 8, y + 15, "end", isProduct ? "#1a7f37" : "#7d8590", figure.Variant, "13");
                svg.Append(CultureInfo.InvariantCulture, $"""<rect x="{LabelWidth}" y="{y + 3}" width="{length:0.#}" height="{RowHeight - 6}" rx="2" fill="{(isProduct ? "#2da44e" : "#8c959f")}"/>""").Append('\n');
                Line(svg, LabelWidth + (int)length + 8, y + 15, "start", "#7d8590", Caption(figure), "12");
                y += RowHeight;
            }

            y += 8;
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static string Caption(RecordedFigure figure)
    {
        string speed = figure.OpsPerSecond >= 1_000_000
            ? string.Create(CultureInfo.InvariantCulture, $"{figure.OpsPerSecond / 1_000_000:0.00} M/s")
            : string.Create(CultureInfo.InvariantCulture, $"{figure.OpsPerSecond:N0}/s");
        return figure.Ratio is { } ratio && !string.Equals(figure.Reference, figure.Variant, StringComparison.Ordinal)
            ? string.Create(CultureInfo.InvariantCulture, $"{speed}, {ratio:0.00}x {figure.Reference}")
            : speed;
    }

    private static void Line(StringBuilder svg, int x, int y, string anchor, string colour, string text, string size) =>
        svg.Append(CultureInfo.InvariantCulture, $"""<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{Text(text)}</text>""").Append('\n');

    private static string Text(string text) => SecurityElement.Escape(text);
}
