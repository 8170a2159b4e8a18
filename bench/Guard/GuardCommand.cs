using System.Globalization;
using Sluice.Bench.Running;

namespace Sluice.Bench.Guard;

/// <summary><c>guard [--limits FILE] [--record] [--path NAME]</c>: fails when a hot path has become slower than its limit.</summary>
internal static class GuardCommand
{
    private const string DefaultLimits = "bench/guard.json";

    /// <summary>Returns 0 when every path is within its limit, 1 when one is not or has none.</summary>
    public static async Task<int> RunAsync(
        IReadOnlyList<(string Name, Func<GuardedPath> Make)> paths, IReadOnlyList<string> arguments, TextWriter output, CancellationToken cancellationToken)
    {
        string file = DefaultLimits, only = "";
        bool records = false;
        for (int i = 0; i < arguments.Count; i++)
        {
            switch (arguments[i])
            {
                case "--limits": file = BenchOptions.Value(arguments, ref i); break;
                case "--path": only = BenchOptions.Value(arguments, ref i); break;
                case "--record": records = true; break;
                default: throw new UsageException($"guard has no option '{arguments[i]}'. It takes --limits FILE, --record, --path NAME.");
            }
        }

        if (records && only.Length != 0)
            throw new UsageException("--record records all paths: leave out --path.");
        (string Name, Func<GuardedPath> Make)[] chosen = [.. paths.Where(path => path.Name.Contains(only, StringComparison.Ordinal))];
        if (chosen.Length == 0)
            throw new UsageException($"No path has '{only}' in its name. There are: {string.Join(", ", paths.Select(static path => path.Name))}.");
        GuardLimits limits = records ? new GuardLimits { Machine = MachineFacts.Here() } : await GuardLimits.ReadAsync(file, cancellationToken);
        await output.WriteLineAsync($"{"path",-14} {"ns/op",10} {"beside",-24} {"ns/op",10} {"ratio",7} {"least",7}");
        bool isSlow = false;
        foreach ((string name, Func<GuardedPath> make) in chosen)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using GuardedPath path = make();
            PathSpeed speed = PerformanceGuard.Measure(path);
            if (records)
                limits.Ratios[name] = Math.Round(speed.Ratio, 3);
            double? least = limits.LeastOf(name);
            bool isKept = speed.Ratio >= least;
            isSlow |= !isKept;
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"{name,-14} {speed.Nanoseconds,10:N1} {path.Reference.Name,-24} {speed.ReferenceNanoseconds,10:N1} {speed.Ratio,7:0.000} {least,7:0.000}  {(isKept ? "ok" : least is null ? "FAIL: no limit was recorded" : "FAIL: slower than its limit")}"));
        }

        if (records)
        {
            await limits.WriteAsync(file, cancellationToken);
            await output.WriteLineAsync($"Recorded in {file}.");
        }

        return isSlow ? 1 : 0;
    }
}
