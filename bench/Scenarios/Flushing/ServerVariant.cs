using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Flushing;

/// <summary>A variant that works through one connection to a server of its own, whose processor time and traffic are what is measured.</summary>
internal abstract class ServerVariant(BenchServer server) : Variant
{
    private RespClient? _client;

    protected BenchServer Server => server;

    protected RespClient Client => _client ?? throw new InvalidOperationException($"{Name} has not been prepared.");

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await server.StartAsync(cancellationToken);
        _client = await RespClient.ConnectAsync(
            new RespClientOptions { Endpoint = RespEndpoint.Tcp(server.EndPoint.Address.ToString(), server.EndPoint.Port), Connections = 1 }, cancellationToken);
        await FillAsync(cancellationToken);
    }

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        ServerUsage before = await ServerUsage.NowAsync(server, cancellationToken);
        long bytes = GC.GetTotalAllocatedBytes(precise: true);
        long began = Stopwatch.GetTimestamp();
        long done = await WorkAsync(duration);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        bytes = GC.GetTotalAllocatedBytes(precise: true) - bytes;
        ServerUsage used = (await ServerUsage.NowAsync(server, cancellationToken)).Since(before);
        return new VariantRun(done, elapsed, ServerCpu: used.Cpu, Note: string.Create(CultureInfo.InvariantCulture, $"{used.Wire(Name, done)}{NoteOf((double)bytes / done)}"));
    }

    public override async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        await server.DisposeAsync();
        await base.DisposeAsync();
    }

    /// <summary>Stores what the measurement needs and warms up.</summary>
    protected abstract Task FillAsync(CancellationToken cancellationToken);

    /// <summary>Works for at least so long.</summary>
    /// <returns>How many operations were done.</returns>
    protected abstract Task<long> WorkAsync(TimeSpan duration);

    /// <summary>What the report says besides.</summary>
    protected virtual string NoteOf(double clientBytesPerOperation) => "";

    protected async Task WarmUpAsync()
    {
        for (int turn = 0; turn < 4; turn++)
            await WorkAsync(TimeSpan.FromMilliseconds(150));
    }
}
