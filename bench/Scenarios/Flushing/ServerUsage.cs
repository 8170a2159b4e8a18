using System.Globalization;
using Sluice.Bench.Scenarios.Commands;

namespace Sluice.Bench.Scenarios.Flushing;

/// <summary>What a server has used until a moment, by its own account.</summary>
/// <param name="Cpu">CPU time.</param>
/// <param name="BytesIn">Bytes received.</param>
/// <param name="BytesOut">Bytes sent.</param>
/// <param name="Commands">Commands processed.</param>
/// <param name="Memory">Bytes allocated now.</param>
internal sealed record ServerUsage(TimeSpan Cpu, long BytesIn, long BytesOut, long Commands, long Memory)
{
    public static async Task<ServerUsage> NowAsync(BenchServer server, CancellationToken cancellation)
    {
        string report = await server.AskAsync(["INFO", "ALL"], cancellation);
        return new ServerUsage(
            TimeSpan.FromSeconds(Number(report, "used_cpu_user:") + Number(report, "used_cpu_sys:")), (long)Number(report, "total_net_input_bytes:"),
            (long)Number(report, "total_net_output_bytes:"), (long)Number(report, "total_commands_processed:"), (long)Number(report, "used_memory:"));
    }

    /// <summary>What was used since; the memory is the growth.</summary>
    public ServerUsage Since(ServerUsage before) =>
        new(Cpu - before.Cpu, BytesIn - before.BytesIn, BytesOut - before.BytesOut, Commands - before.Commands, Memory - before.Memory);

    public ServerUsage Plus(ServerUsage other) => new(Cpu + other.Cpu, BytesIn + other.BytesIn, BytesOut + other.BytesOut, Commands + other.Commands, Memory + other.Memory);

    /// <summary>Nothing.</summary>
    public static ServerUsage None { get; } = new(TimeSpan.Zero, 0, 0, 0, 0);

    /// <summary>The bytes on the wire, for a report.</summary>
    public string Wire(string what, long operations) =>
        string.Create(CultureInfo.InvariantCulture, $"{what}: {(double)BytesIn / operations:0.0} B to the server and {(double)BytesOut / operations:0.0} B back a key");

    private static double Number(string report, string name)
    {
        int at = report.IndexOf("\n" + name, StringComparison.Ordinal);
        if (at < 0)
            throw new InvalidOperationException($"The server's report has no {name}");
        ReadOnlySpan<char> rest = report.AsSpan(at + 1 + name.Length);
        return double.Parse(rest[..rest.IndexOfAny('\r', '\n')], CultureInfo.InvariantCulture);
    }
}
