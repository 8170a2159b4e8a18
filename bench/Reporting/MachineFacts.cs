using System.Globalization;
using System.Runtime.InteropServices;

namespace Sluice.Bench;

/// <summary>What a figure depends on: kept beside it.</summary>
/// <param name="Processor">Its name, as the system gives it.</param>
/// <param name="Cores">How many this process may use.</param>
/// <param name="MemoryGigabytes">Of the machine, or of what this process may use.</param>
/// <param name="Architecture">X64, Arm64.</param>
/// <param name="System">The operating system.</param>
/// <param name="Runtime">.NET's version.</param>
internal sealed record MachineFacts(string Processor, int Cores, int MemoryGigabytes, string Architecture, string System, string Runtime)
{
    public static MachineFacts Here() => new(
        ProcessorName(),
        Environment.ProcessorCount,
        (int)Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1 << 30)),
        RuntimeInformation.ProcessArchitecture.ToString(),
        RuntimeInformation.OSDescription,
        RuntimeInformation.FrameworkDescription);

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Processor}, {Cores} cores, {MemoryGigabytes} GB, {Architecture}, {Runtime}");

    private static string ProcessorName()
    {
        const string List = "/proc/cpuinfo";
        string? line = File.Exists(List) ? File.ReadLines(List).FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";
    }
}
