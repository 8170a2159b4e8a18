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
        ReferenceFootprint references = await ReferenceFootprint.MeasureAsync(server, cancellation);
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"references, {ReferenceFootprint.Keys:N0} keys of 16 bytes: {references.First:0} B a key that one engine holds, {references.Second:0} B more for another one; scripts to take a key and to give it back: {references.Alone:0.00} alone, {references.Together:0.000} with all the others, {references.Shared:0.000} where another engine holds them too"));
        foreach (bool holds in new[] { false, true })
        {
            IdleCost idle = await IdleCost.MeasureAsync(server, holds, cancellation);
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"an idle engine that {(holds ? "holds resources in every partition" : "holds nothing")}: {idle.PerSecond:0.0} requests/s, {idle.PerPartition:0.000} a partition ({idle.Partitions} partitions), {idle.ServerMicrosPerSecond:0} us server CPU a second"));
        }

        TimeSpan lease = TimeSpan.FromSeconds(2);
        foreach (bool works in new[] { true, false })
        {
            (TimeSpan first, TimeSpan last) = await Recovery.MeasureAsync(server, lease, works, cancellation);
            string verdict = !works ? "" : last < lease + TimeSpan.FromSeconds(1) ? " (target: the lease + 1 s, met)" : " (target: the lease + 1 s, MISSED)";
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"kill -9 of a process with {Recovery.Sessions:N0} sessions, lease {lease.TotalSeconds:0.#} s: another that {(works ? "holds resources there" : "holds nothing")} completed the first after {first.TotalSeconds:0.00} s and the last after {last.TotalSeconds:0.00} s{verdict}"));
        }

        return 0;
    }
}
