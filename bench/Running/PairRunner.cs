using System.Diagnostics;
using Sluice.Bench.Reporting;
using Sluice.Harness;

namespace Sluice.Bench.Running;

/// <summary>
/// Measures the variants of a case in turn, round after round, so that whatever slows the machine for a while slows both sides of a ratio. Every round
/// gives one ratio for each comparison; the report shows their median, and a target is judged by their quartiles.
/// </summary>
internal static class PairRunner
{
    /// <summary>One report line per variant and comparison.</summary>
    public static async Task<IReadOnlyList<Measurement>> MeasureAsync(string scenario, BenchCase subject, BenchOptions options, CancellationToken cancellationToken)
    {
        IReadOnlyList<Variant> variants = subject.Make();
        try
        {
            foreach (Variant variant in variants)
                await variant.PrepareAsync(cancellationToken);
            Sample[][] rounds = new Sample[options.Pairs][];
            for (int round = 0; round < rounds.Length; round++)
            {
                rounds[round] = new Sample[variants.Count];
                for (int turn = 0; turn < subject.TurnsOfAPair; turn++)
                {
                    // Every other time backwards: being first (or measured after a certain neighbour) must not always favour the same one.
                    bool backwards = ((round * subject.TurnsOfAPair) + turn) % 2 != 0;
                    for (int i = 0; i < variants.Count; i++)
                    {
                        int next = backwards ? variants.Count - 1 - i : i;
                        Sample sample = await RunOnceAsync(variants[next], options.RunDuration, cancellationToken);
                        rounds[round][next] = turn == 0 ? sample : rounds[round][next].Plus(sample);
                    }
                }
            }

            return [.. Report(scenario, subject, variants, rounds)];
        }
        finally
        {
            foreach (Variant variant in variants)
                await variant.DisposeAsync();
        }
    }

    private static async Task<Sample> RunOnceAsync(Variant variant, TimeSpan duration, CancellationToken cancellationToken)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long bytes = GC.GetTotalAllocatedBytes(precise: true);
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        VariantRun run = await variant.RunAsync(duration, cancellationToken);
        return new Sample(run, Environment.CpuUsage.TotalTime - cpu, GC.GetTotalAllocatedBytes(precise: true) - bytes);
    }

    private static IEnumerable<Measurement> Report(string scenario, BenchCase subject, IReadOnlyList<Variant> variants, Sample[][] rounds)
    {
        for (int i = 0; i < variants.Count; i++)
        {
            Variant variant = variants[i];
            Sample[] own = [.. rounds.Select(round => round[i])];
            Measurement figures = Figures(scenario, subject, variant, own);
            if (variant.Comparisons.Count == 0)
            {
                // A reference stands against itself; without a reference no throughput is shown.
                yield return figures with { Reference = variant.Name, Ratio = 1 };
                continue;
            }

            foreach (Comparison comparison in variant.Comparisons)
            {
                int other = variants.ToList().FindIndex(v => string.Equals(v.Name, comparison.Reference, StringComparison.Ordinal));
                Quartiles ratios = Quartiles.Of(rounds.Select(round => round[i].Over(round[other], comparison.Target?.Figure ?? Figure.Throughput)));
                double referenceSpeed = Quartiles.Of(rounds.Select(round => round[other].OperationsPerSecond)).Median;
                bool isSound = referenceSpeed >= variants[other].SoundFrom;
                yield return figures with
                {
                    Reference = comparison.Reference,
                    Ratio = ratios.Median,
                    RatioQuartiles = ratios,
                    Goal = comparison.Target,
                    Met = isSound ? comparison.Target?.IsMetBy(ratios) : null,
                    Note = isSound ? figures.Note : $"the reference {comparison.Reference} ran at {referenceSpeed:N0}/s, below the {variants[other].SoundFrom:N0}/s of a sound one here",
                };
            }
        }
    }

    private static Measurement Figures(string scenario, BenchCase subject, Variant variant, Sample[] own)
    {
        LatencyHistogram? latencies = null;
        foreach (LatencyHistogram recorded in own.Select(sample => sample.Run.Latencies).OfType<LatencyHistogram>())
            (latencies ??= new LatencyHistogram()).Add(recorded);
        long operations = own.Sum(sample => sample.Run.Operations);
        bool hasServer = own.All(sample => sample.Run.ServerCpu is not null);
        return new Measurement
        {
            Scenario = scenario,
            Case = subject.Name,
            Variant = variant.Name,
            Threads = subject.Threads,
            Callers = subject.Callers,
            Operations = operations,
            OpsPerSecond = operations / own.Sum(sample => sample.Run.Elapsed.TotalSeconds),
            P50Micros = latencies?.PercentileMicros(0.5),
            P99Micros = latencies?.PercentileMicros(0.99),
            P999Micros = latencies?.PercentileMicros(0.999),
            CpuMicrosPerOp = variant.IsElsewhere ? null : own.Sum(sample => sample.Cpu.TotalMicroseconds) / operations,
            ServerCpuMicrosPerOp = hasServer ? own.Sum(sample => sample.Run.ServerCpu!.Value.TotalMicroseconds) / operations : null,
            BytesPerOp = variant.IsElsewhere ? null : (double)own.Sum(sample => sample.AllocatedBytes) / operations,
            Note = own[^1].Run.Note,
        };
    }

    private sealed record Sample(VariantRun Run, TimeSpan Cpu, long AllocatedBytes)
    {
        public Sample Plus(Sample other)
        {
            if (other.Run.Latencies is { } latencies)
                Run.Latencies?.Add(latencies);
            VariantRun both = other.Run with
            {
                Operations = Run.Operations + other.Run.Operations,
                Elapsed = Run.Elapsed + other.Run.Elapsed,
                Latencies = Run.Latencies,
                ServerCpu = Run.ServerCpu + other.Run.ServerCpu,
            };
            return new Sample(both, Cpu + other.Cpu, AllocatedBytes + other.AllocatedBytes);
        }

        public double OperationsPerSecond => Run.Operations / Run.Elapsed.TotalSeconds;

        public double Over(Sample other, Figure figure) => figure switch
        {
            Figure.Throughput => OperationsPerSecond / other.OperationsPerSecond,
            Figure.Cpu => CpuPerOperation / other.CpuPerOperation,
            Figure.ServerCpu => ServerCpuPerOperation / other.ServerCpuPerOperation,
            Figure.ServerMicros => ServerCpuPerOperation,
            _ => throw new UnreachableException(),
        };

        // A number, not a TimeSpan: that would be cut to 100 ns.
        private double CpuPerOperation => Cpu.TotalMicroseconds / Run.Operations;

        private double ServerCpuPerOperation => Run.ServerCpu is { } cpu
            ? cpu.TotalMicroseconds / Run.Operations
            : throw new InvalidOperationException("A target of server CPU time needs variants that measure it.");
    }
}
