using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Running;

namespace Sluice.Bench.Soaks;

/// <summary><c>soak NAME [--minutes M] [--seed N] [--evidence PATH]</c>: runs one soak and writes down what it showed.</summary>
internal static class SoakCommand
{
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(10);

    /// <summary>Returns 0 when the claim held, 1 when it did not.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<ISoak> soaks, IReadOnlyList<string> arguments, TextWriter output, CancellationToken cancellationToken)
    {
        string name = "";
        double minutes = 10;
        ulong seed = 20_260_101;
        string? evidencePath = null;
        for (int i = 0; i < arguments.Count; i++)
        {
            switch (arguments[i])
            {
                case "--minutes": minutes = ParseMinutes(BenchOptions.Value(arguments, ref i)); break;
                case "--seed": seed = BenchOptions.ParseSeed(BenchOptions.Value(arguments, ref i)); break;
                case "--evidence": evidencePath = BenchOptions.Value(arguments, ref i); break;
                case string option when option.StartsWith('-'): throw new UsageException($"soak has no option '{option}'.");
                default: name = name.Length == 0 ? arguments[i] : throw new UsageException($"One soak at a time: '{name}' and '{arguments[i]}' were given."); break;
            }
        }

        ISoak soak = soaks.SingleOrDefault(s => string.Equals(s.Name, name, StringComparison.Ordinal))
            ?? throw new UsageException($"There is no soak '{name}'. There are:\n{string.Join('\n', soaks.Select(s => $"  {s.Name,-12} {s.Claim}"))}");

        long began = Stopwatch.GetTimestamp(), reported = began;
        await output.WriteLineAsync($"{soak.Name}: {soak.Claim}\n{minutes} minutes, seed {seed}");
        SoakContext context = new(TimeSpan.FromMinutes(minutes), seed, Report);
        SoakResult result = await soak.RunAsync(context, cancellationToken);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);

        string page = await SoakEvidence.PageAsync(soak, context, result, elapsed);
        if (evidencePath is not null)
            await File.WriteAllTextAsync(evidencePath, page, cancellationToken);
        await output.WriteLineAsync(page);
        return result.Held ? 0 : 1;

        void Report(string line)
        {
            if (Stopwatch.GetElapsedTime(reported) < ProgressEvery)
                return;
            reported = Stopwatch.GetTimestamp();
            output.WriteLine($"  {Stopwatch.GetElapsedTime(began):hh\\:mm\\:ss}  {line}");
        }
    }

    private static double ParseMinutes(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double minutes) && minutes is > 0 and <= 10_000
            ? minutes
            : throw new UsageException($"--minutes takes a number above 0 and up to 10000, not '{text}'.");
}
