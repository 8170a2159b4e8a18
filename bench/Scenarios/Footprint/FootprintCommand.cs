using System.Globalization;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;

namespace Sluice.Bench.Scenarios.Footprint;

/// <summary><c>flush --memory [--redis URL]</c>: what stays on a server and what engines cost that do nothing, and how long the sessions of a dead process wait.</summary>
internal static class FootprintCommand
{
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, CancellationToken cancellation)
    {
        string? redis = null;
        for (int i = 0; i < arguments.Count; i++)
        {
            switch (arguments[i])
            {
                case "--memory": break;
                case "--redis": redis = BenchOptions.Value(arguments, ref i); break;
                default: throw new UsageException($"flush --memory has no option '{arguments[i]}'.");
            }
        }

        await using BenchServer server = new(redis);
        await server.StartAsync(cancellation);
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} processors, .NET {Environment.Version}, {DateTime.UtcNow:yyyy-MM-dd}"));
        foreach (int counters in new[] { 2, 8 })
        {
            StoredFootprint stored = await StoredFootprint.MeasureAsync(server, counters, cancellation);
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"{counters} counters, ids of 16 bytes: {stored.Held:0} B a resource that is held, {stored.Ended:0} B one that waits for its claim, {stored.Sealed:0} B one that is being completed"));
        }

        double tombstone = await StoredFootprint.TombstoneAsync(server, cancellation);
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{tombstone:0} B a dead incarnation, for as long as its tombstone lives"));
        foreach (bool holds in new[] { false, true })
        {
            IdleCost idle = await IdleCost.MeasureAsync(server, holds, cancellation);
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"an idle engine that {(holds ? "holds resources in every partition" : "holds nothing")}: {idle.PerSecond:0.0} commands/s, {idle.PerPartition:0.000} a partition ({idle.Partitions} partitions), {idle.ServerMicrosPerSecond:0} us server CPU a second"));
        }

        TimeSpan lease = TimeSpan.FromSeconds(2);
        (TimeSpan first, TimeSpan last) = await Recovery.MeasureAsync(server, lease, cancellation);
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"kill -9 of a process with {Recovery.Sessions:N0} sessions, lease {lease.TotalSeconds:0.#} s: another completed the first after {first.TotalSeconds:0.00} s and the last after {last.TotalSeconds:0.00} s (target: below {lease.TotalSeconds + 1:0.#} s, {(last < lease + TimeSpan.FromSeconds(1) ? "met" : "MISSED")})"));
        return 0;
    }
}
