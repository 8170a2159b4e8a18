using System.Globalization;
using Sluice.Bench.Running;

namespace Sluice.Bench.Results;

/// <summary><c>charts [--results FOLDER] [--out FOLDER]</c>: draws one picture for each file of results.</summary>
internal static class ChartCommand
{
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, CancellationToken cancellationToken)
    {
        string results = "bench/results", charts = "docs/charts";
        for (int i = 0; i < arguments.Count; i++)
        {
            switch (arguments[i])
            {
                case "--results": results = BenchOptions.Value(arguments, ref i); break;
                case "--out": charts = BenchOptions.Value(arguments, ref i); break;
                default: throw new UsageException($"charts has no option '{arguments[i]}'. It takes --results FOLDER and --out FOLDER.");
            }
        }

        string[] files = Directory.Exists(results) ? [.. Directory.GetFiles(results, "*.json").Order(StringComparer.Ordinal)] : [];
        if (files.Length == 0)
            throw new UsageException($"There are no results in '{results}'. Make some with: bench SCENARIO --record");
        Directory.CreateDirectory(charts);
        foreach (string file in files)
        {
            string path = Path.Combine(charts, Path.GetFileNameWithoutExtension(file) + ".svg");
            await File.WriteAllTextAsync(path, BarChart.Draw(RecordedResults.Read(file)), cancellationToken);
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{path}"));
        }

        return 0;
    }
}
