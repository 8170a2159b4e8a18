using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Running;
using Sluice.Harness;
using Sluice.Resp;
using Sluice.Resp.Tests.Client;

namespace Sluice.Bench.Scenarios.Losses;

/// <summary>How a server is lost.</summary>
internal enum ServerLoss
{
    /// <summary>Killed and started again.</summary>
    Restart,

    /// <summary>Stopped with its connections open, and continued.</summary>
    Pause,
}

/// <summary>
/// A busy client that loses its server, once a run. What counts is no ratio but a time, the same on every machine that is not overloaded: it stands in the latencies (one for each connection
/// and round) and, median and worst of the rounds, in the note.
/// </summary>
internal sealed class LossVariant(ServerLoss loss, int connections) : Variant
{
    private const int Callers = 256;

    private static readonly TimeSpan PeerTimeout = TimeSpan.FromMilliseconds(500);

    // Long enough for the back-off to be at its cap: the worst moment for a server to come back.
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(1);

    private readonly List<double> _slowest = [];
    private PrivateRedisServer? _server;
    private LossUnderLoad? _load;

    public override string Name => "sluice";

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        if (PrivateRedisServer.Unavailable is { } reason)
            throw new UsageException(reason);
        _server = await PrivateRedisServer.StartAsync([], cancellationToken);
        RespClientOptions options = new() { Endpoint = LossUnderLoad.At(_server), Connections = connections, PeerTimeout = PeerTimeout };
        _load = await LossUnderLoad.BeginAsync(_server, options, Callers, cancellationToken);
        // Compiled and warm, on both sides of a loss.
        await LoseAsync(TimeSpan.Zero, cancellationToken);
        await Task.Delay(200, cancellationToken);
    }

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        long before = _load!.Counts.Right, began = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
        TimeSpan[] times = await LoseAsync(Away, cancellationToken);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        LatencyHistogram latencies = new();
        foreach (TimeSpan time in times)
            latencies.Record(time);
        _slowest.Add(times.Max().TotalMilliseconds);
        LoadCounts counts = _load.Counts;
        if (counts.Wrong + counts.Other != 0)
            throw new InvalidDataException($"The callers met what must not be: {counts}.");
        return new VariantRun(Math.Max(1, counts.Right - before), elapsed, latencies, Note: Note());
    }

    public override async ValueTask DisposeAsync()
    {
        if (_load is not null)
            await _load.DisposeAsync();
        if (_server is not null)
            await _server.DisposeAsync();
        await base.DisposeAsync();
    }

    private Task<TimeSpan[]> LoseAsync(TimeSpan away, CancellationToken cancellationToken) => loss == ServerLoss.Restart
        ? _load!.KillAndRestartAsync(away, cancellationToken)
        : _load!.StopAndContinueAsync(cancellationToken);

    private string Note()
    {
        double median = Quartiles.Of(_slowest).Median, worst = _slowest.Max();
        string what = loss == ServerLoss.Restart
            ? $"from the server listening again to a reply on every connection: median {median:0} ms, worst {worst:0} ms (promised: below 1000 ms)"
            : $"from SIGSTOP of the server to every connection having noticed: median {median:0} ms, worst {worst:0} ms (configured: {PeerTimeout.TotalMilliseconds:0} ms)";
        return string.Create(CultureInfo.InvariantCulture, $"{connections} connections, {Callers} callers, {_slowest.Count} rounds; {what}");
    }
}
