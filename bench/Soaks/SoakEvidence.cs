using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Sluice.Harness;

namespace Sluice.Bench.Soaks;

/// <summary>The page that a soak leaves in <c>docs/evidence</c>: enough to run it again and to know what was tested.</summary>
internal static class SoakEvidence
{
    public static async Task<string> PageAsync(ISoak soak, SoakContext context, SoakResult result, TimeSpan elapsed)
    {
        StringBuilder page = new();
        page.Append(CultureInfo.InvariantCulture, $"# Soak: {soak.Name}\n\n{soak.Claim}\n\n**{(result.Held ? "Held." : "DID NOT HOLD.")}**");
        page.Append(result.Finding is null ? "\n\n" : $" {result.Finding}\n\n");
        page.Append("| | |\n|---|---|\n");
        Row("command", $"`eng/soak {soak.Name} --minutes {context.Duration.TotalMinutes.ToString(CultureInfo.InvariantCulture)} --seed {context.Seed}`");
        Row("commit", await SourceRevision.HereAsync());
        Row("date", DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture));
        Row("machine", $"{Environment.ProcessorCount} cores, {RuntimeInformation.OSArchitecture}, {RuntimeInformation.FrameworkDescription}");
        Row("elapsed", elapsed.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture));
        foreach ((string name, string value) in result.Figures)
            Row(name, value);
        return page.ToString();

        void Row(string name, string value) => page.Append($"| {name} | {value} |\n");
    }
}
