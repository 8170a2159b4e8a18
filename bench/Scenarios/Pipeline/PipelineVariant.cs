using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Flushing;
using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Pipeline;

/// <summary>Processes that count events on one server, by merging or by a command for each. A run ends when the last event is on the server; then every key is compared.</summary>
internal sealed class PipelineVariant(string name, string mode, BenchServer server, TimeSpan interval, ulong seed, params Comparison[] comparisons) : Variant
{
    private readonly List<(ProcessHost Process, string File)> _workers = [];
    private readonly TemporaryFolder _folder = new();

    public override string Name => name;

    public override IReadOnlyList<Comparison> Comparisons => comparisons;

    public override bool IsElsewhere => true;

    private string Url => string.Create(CultureInfo.InvariantCulture, $"redis://{server.EndPoint.Address}:{server.EndPoint.Port}");

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await server.StartAsync(cancellationToken);
        for (int i = 0; i < PipelineScenario.Processes; i++)
        {
            string file = Path.Combine(_folder.Path, string.Create(CultureInfo.InvariantCulture, $"{mode}-{i}"));
            string[] arguments =
            [
                PipelineWorker.Command, mode, Url, ((int)interval.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
                (seed + (ulong)i).ToString(CultureInfo.InvariantCulture), file,
            ];
            _workers.Add((ProcessHost.StartDotnet(typeof(PipelineVariant).Assembly.Location, arguments), file));
        }

        foreach ((ProcessHost process, _) in _workers)
            await process.ReadLineWithAsync("ready", cancellationToken);

        // Every key is known to both sides then, and the code is optimised.
        await WorkAsync(TimeSpan.FromSeconds(2), cancellationToken);
    }

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        // Whole intervals: what is measured is the steady state.
        TimeSpan window = TimeSpan.FromTicks(Math.Max(duration.Ticks, 2 * interval.Ticks));
        ServerUsage before = await ServerUsage.NowAsync(server, cancellationToken);
        (long events, TimeSpan elapsed, long writes, long bytes, TimeSpan cpu) = await WorkAsync(window, cancellationToken);
        ServerUsage used = (await ServerUsage.NowAsync(server, cancellationToken)).Since(before);
        int keys = await CheckAsync(cancellationToken);
        double flushes = Math.Max(1, elapsed / interval);
        double predicted = PipelineEvents.PredictedCompression(events / flushes / PipelineScenario.Processes);
        string compression = mode == PipelineWorker.Merge ? string.Create(CultureInfo.InvariantCulture, $"{(double)events / writes:0.0} events a written resource ({predicted:0.0} predicted), ") : "";
        return new VariantRun(events, elapsed, ServerCpu: used.Cpu, Note: string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {compression}{(double)used.BytesIn / events:0.00} B to the server, {cpu.TotalMicroseconds / events:0.000} us CPU and {(double)bytes / events:0.000} B allocated in the processes an event; exact in all of {keys:N0} keys"));
    }

    public override async ValueTask DisposeAsync()
    {
        foreach ((ProcessHost process, _) in _workers)
            await process.DisposeAsync();
        _folder.Dispose();
        await server.DisposeAsync();
        await base.DisposeAsync();
    }

    private async Task<(long Events, TimeSpan Elapsed, long Writes, long Bytes, TimeSpan Cpu)> WorkAsync(TimeSpan window, CancellationToken cancellation)
    {
        foreach ((ProcessHost process, _) in _workers)
        {
            await process.StandardInput.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"run {(long)window.TotalMilliseconds}"));
            await process.StandardInput.FlushAsync(cancellation);
        }

        (long events, long micros, long writes, long bytes, long cpu) = (0, 0, 0, 0, 0);
        foreach ((ProcessHost process, _) in _workers)
        {
            string line = await process.ReadLineWithAsync("done ", cancellation);
            long[] figures = [.. line.Split(' ').Skip(1).Select(static figure => long.Parse(figure, CultureInfo.InvariantCulture))];
            events += figures[0];
            micros = Math.Max(micros, figures[1]);
            writes += figures[2];
            bytes += figures[3];
            cpu += figures[4];
        }

        return (events, TimeSpan.FromMicroseconds(micros), writes, bytes, TimeSpan.FromMicroseconds(cpu));
    }

    /// <summary>Compares what the server has with what the processes counted, key by key.</summary>
    /// <returns>How many keys there are.</returns>
    /// <exception cref="InvalidOperationException">A key differs.</exception>
    private async Task<int> CheckAsync(CancellationToken cancellation)
    {
        long[] expected = new long[PipelineEvents.Keys];
        foreach ((_, string file) in _workers)
        {
            long[] counted = MemoryMarshal.Cast<byte, long>(await File.ReadAllBytesAsync(file, cancellation)).ToArray();
            for (int i = 0; i < counted.Length; i++)
                expected[i] += counted[i];
        }

        long[] actual = mode == PipelineWorker.Merge ? await MergedAsync(cancellation) : await IncrementedAsync(cancellation);
        for (int i = 0; i < expected.Length; i++)
        {
            if (expected[i] != actual[i])
                throw new InvalidOperationException($"{name}: {PipelineEvents.Name(i)} was counted {expected[i]} times, the server has {actual[i]}.");
        }

        return expected.Count(static count => count != 0);
    }

    private async Task<long[]> MergedAsync(CancellationToken cancellation)
    {
        RedisOptions options = [];
        options.Add(Url);
        options.Persistence = RedisPersistence.Ignore;
        await using RedisCoordinator coordinator = await RedisCoordinator.ConnectAsync(options, cancellation: cancellation);
        CoordinationNamespace space = new(PipelineWorker.Prefix, PageHits.Definition.Schema, new EngineOptions().Partitions, coordinator.Servers);
        long[] actual = new long[PipelineEvents.Keys];
        foreach (IGrouping<int, int> partition in Enumerable.Range(0, actual.Length).GroupBy(rank => ResourceKey.Of(PipelineEvents.Name(rank)).Partition(space.Partitions)))
        {
            foreach (int[] ranks in partition.Chunk(500))
            {
                ImmutableArray<ResourceKey> resources = [.. ranks.Select(static rank => ResourceKey.Of(PipelineEvents.Name(rank)))];
                PeekReply reply = await coordinator.SendAsync(space, partition.Key, new PeekRequest(resources), cancellation);
                for (int i = 0; i < ranks.Length; i++)
                    actual[ranks[i]] = Item.Hits(reply.Resources[i].Open);
            }
        }

        return actual;
    }

    private async Task<long[]> IncrementedAsync(CancellationToken cancellation)
    {
        await using RespClient client = await RespClient.ConnectAsync(RespClientOptions.Parse(Url) with { Connections = 1 }, cancellation);
        long[] actual = new long[PipelineEvents.Keys];
        foreach (int[] ranks in Enumerable.Range(0, actual.Length).Chunk(500))
        {
            long?[] values = await Task.WhenAll(ranks.Select(rank => client.GetInt64Async(PipelineEvents.Name(rank), cancellationToken: cancellation).AsTask()));
            for (int i = 0; i < ranks.Length; i++)
                actual[ranks[i]] = values[i] ?? 0;
        }

        return actual;
    }
}
