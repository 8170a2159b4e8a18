using System.Globalization;
using System.Net;
using Sluice.Harness;
using Sluice.Harness.Faults;

namespace Sluice.LockFaults;

/// <summary>One of the processes that take locks, and the proxy through which it speaks with the server.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private readonly ProcessHost _process;

    private WorkerProcess(int number, ProcessHost process, FaultProxy proxy) => (Number, _process, Proxy) = (number, process, proxy);

    public int Number { get; }

    public FaultProxy Proxy { get; }

    public string Transcript => _process.Transcript;

    public static async Task<WorkerProcess> StartAsync(int number, EndPoint server, int sinkPort, int seed, TimeSpan lease, CancellationToken cancellation, string takes = "locks")
    {
        FaultProxy proxy = new(server);
        ProcessHost process = ProcessHost.StartDotnet(
            Path.Combine(AppContext.BaseDirectory, "Sluice.LockWorker.dll"),
            [
                string.Create(CultureInfo.InvariantCulture, $"redis://127.0.0.1:{proxy.Endpoint.Port}"), sinkPort.ToString(CultureInfo.InvariantCulture),
                seed.ToString(CultureInfo.InvariantCulture), ((int)lease.TotalMilliseconds).ToString(CultureInfo.InvariantCulture), takes,
            ]);
        WorkerProcess worker = new(number, process, proxy);
        try
        {
            await process.ReadLineWithAsync("ready", cancellation).ConfigureAwait(false);
            return worker;
        }
        catch
        {
            await worker.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task TellAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line).ConfigureAwait(false);
        await _process.StandardInput.FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Reads until the worker has ended its round, or itself.</summary>
    /// <returns>False: it has ended.</returns>
    public Task<bool> ListenAsync(RoundHistory history, CancellationToken cancellation) => ListenAsync(history.Add, cancellation);

    /// <summary>Reads until the worker has ended its round, or itself.</summary>
    /// <param name="take">Is given its number and each line.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>False: it has ended.</returns>
    public async Task<bool> ListenAsync(Action<int, string> take, CancellationToken cancellation)
    {
        while (await _process.ReadLineAsync(cancellation).ConfigureAwait(false) is { } line)
        {
            if (line == "done")
                return true;
            take(Number, line);
        }

        return false;
    }

    public void Kill() => _process.Kill();

    public void Suspend() => _process.Suspend();

    public void Resume() => _process.Resume();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync().ConfigureAwait(false);
        await Proxy.DisposeAsync().ConfigureAwait(false);
    }
}
