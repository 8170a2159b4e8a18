using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Pipeline;

/// <summary>
/// A process of the pipeline: <c>pipeline-worker MODE URL INTERVAL-MS SEED FILE</c>. It obeys lines of standard input, <c>run MILLISECONDS</c>, and answers each with
/// <c>done EVENTS MICROSECONDS WRITES ALLOCATED-BYTES CPU-MICROSECONDS</c>, when everything that it counted is on the server; in FILE is how often it has counted each key. It ends with its input.
/// </summary>
internal static class PipelineWorker
{
    public const string Command = "pipeline-worker";

    /// <summary>Merges events, flushes them.</summary>
    public const string Merge = "merge";

    /// <summary>Sends an INCRBY for each event.</summary>
    public const string Increment = "increment";

    public const string Prefix = "pipeline";

    private const int Callers = 512;

    public static async Task<int> RunAsync(string[] arguments, TextReader input, TextWriter output, CancellationToken cancellation)
    {
        (string mode, string url, string file) = (arguments[0], arguments[1], arguments[4]);
        TimeSpan interval = TimeSpan.FromMilliseconds(int.Parse(arguments[2], CultureInfo.InvariantCulture));
        int[] ranks = PipelineEvents.Draw(ulong.Parse(arguments[3], CultureInfo.InvariantCulture));
        string[] names = [.. Enumerable.Range(0, PipelineEvents.Keys).Select(PipelineEvents.Name)];
        long[] counted = new long[PipelineEvents.Keys];
        await using IEventTarget target = mode == Merge ? await MergingTarget.StartAsync(url, interval, cancellation) : await IncrementingTarget.StartAsync(url, cancellation);
        await output.WriteLineAsync("ready");
        while (await input.ReadLineAsync(cancellation) is { } line)
        {
            TimeSpan duration = TimeSpan.FromMilliseconds(int.Parse(line.AsSpan("run ".Length), CultureInfo.InvariantCulture));
            (long writes, long bytes, TimeSpan cpu, long began) = (target.Writes, GC.GetTotalAllocatedBytes(), Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp());
            long events = await target.CountAsync(names, ranks, counted, duration, cancellation);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
            cpu = Environment.CpuUsage.TotalTime - cpu;
            bytes = GC.GetTotalAllocatedBytes() - bytes;
            await File.WriteAllBytesAsync(file, MemoryMarshal.AsBytes(counted.AsSpan()).ToArray(), cancellation);
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture, $"done {events} {(long)elapsed.TotalMicroseconds} {target.Writes - writes} {bytes} {(long)cpu.TotalMicroseconds}"));
        }

        return 0;
    }

    /// <summary>Where events are counted.</summary>
    private interface IEventTarget : IAsyncDisposable
    {
        /// <summary>Writes that the events became.</summary>
        long Writes { get; }

        /// <summary>Counts events for so long, and returns how many when all of them are on the server.</summary>
        Task<long> CountAsync(string[] names, int[] ranks, long[] counted, TimeSpan duration, CancellationToken cancellation);
    }

    private sealed class MergingTarget(SluiceEngine engine, Aggregator<string, PageHits, PageHits.Event> pages) : IEventTarget
    {
        private const int Chunk = 1_024;
        private int _position;

        public long Writes => pages.Writes;

        public static async Task<IEventTarget> StartAsync(string url, TimeSpan interval, CancellationToken cancellation)
        {
            SluiceEngine engine = await SluiceEngine.StartAsync(
                new EngineOptions
                {
                    Redis = { url },
                    Prefix = Prefix,
                    FlushInterval = interval,
                    Capacity = 2 * PipelineEvents.Keys,
                    SoftSession = null,
                    HardSession = null,
                },
                cancellation);
            return new MergingTarget(engine, engine.Aggregate(PageHits.Definition));
        }

        public async Task<long> CountAsync(string[] names, int[] ranks, long[] counted, TimeSpan duration, CancellationToken cancellation)
        {
            long began = Stopwatch.GetTimestamp(), events = 0;
            while (Stopwatch.GetElapsedTime(began) < duration)
            {
                for (int i = 0; i < Chunk; i++)
                {
                    int rank = ranks[_position++ & (ranks.Length - 1)];
                    PageHits.Event one = new() { Hits = 1 };
                    if (!pages.TryMerge(names[rank], in one))
                        await pages.MergeAsync(names[rank], one, cancellation);
                    counted[rank]++;
                }

                events += Chunk;
            }

            await pages.FlushAsync(cancellation);
            return events;
        }

        public ValueTask DisposeAsync() => engine.DisposeAsync();
    }

    private sealed class IncrementingTarget(RespClient client) : IEventTarget
    {
        private int _position;

        public long Writes { get; private set; }

        public static async Task<IEventTarget> StartAsync(string url, CancellationToken cancellation) =>
            new IncrementingTarget(await RespClient.ConnectAsync(RespClientOptions.Parse(url) with { Connections = 1 }, cancellation));

        public async Task<long> CountAsync(string[] names, int[] ranks, long[] counted, TimeSpan duration, CancellationToken cancellation)
        {
            long began = Stopwatch.GetTimestamp();
            long[] events = await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
            {
                long sent = 0;
                for (; Stopwatch.GetElapsedTime(began) < duration; sent++)
                {
                    int rank = ranks[Interlocked.Increment(ref _position) & (ranks.Length - 1)];
                    await client.IncrementByAsync(names[rank], 1, cancellationToken: cancellation);
                    Interlocked.Increment(ref counted[rank]);
                }

                return sent;
            }));
            Writes += events.Sum();
            return events.Sum();
        }

        public ValueTask DisposeAsync() => client.DisposeAsync();
    }
}
