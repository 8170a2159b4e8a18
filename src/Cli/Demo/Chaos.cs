using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Sluice.Cli.Arguments;
using Sluice.Cli.Redis;
using Sluice.Cli.Workers;
using Sluice.Resp;

namespace Sluice.Cli.Demo;

/// <summary>What may happen to the workers of a demonstration.</summary>
internal enum Mishap
{
    /// <summary>A worker is killed (SIGKILL) and another one is started.</summary>
    Kill,

    /// <summary>A worker is stopped (SIGSTOP) beyond its lease, then goes on.</summary>
    Pause,

    /// <summary>The server closes all connections; on the embedded coordinator, replies are lost for a while.</summary>
    Disconnect,

    /// <summary>The server loses its latest writes. On the embedded coordinator only.</summary>
    Rollback,

    /// <summary>The database that takes the finished sessions fails for a while. On the embedded coordinator only.</summary>
    Sink,
}

/// <summary>Lets mishaps happen to a fleet, at seeded moments, until it is told to stop; whoever was stopped goes on then.</summary>
internal sealed class Chaos(WorkerFleet fleet, IReadOnlyList<string> servers, IReadOnlyList<Mishap> mishaps, TimeSpan lease, int seed, Action<string> tell)
{
    private readonly Random _random = new(seed);
    private readonly ConcurrentDictionary<int, bool> _stopped = [];
    private readonly Dictionary<Mishap, int> _counts = [];
    private readonly List<Task> _naps = [];
    private readonly TaskCompletionSource _eachHappened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when every kind has happened once.</summary>
    public Task EachHappened => _eachHappened.Task;

    /// <summary>How many there were, in words.</summary>
    public string Summary => _counts.Count == 0 ? "nothing happened to them" : string.Join(", ", _counts.OrderBy(static count => count.Key).Select(static count => string.Create(CultureInfo.InvariantCulture, $"{Words(count.Key)} {count.Value}x")));

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        if (mishaps.Count == 0)
        {
            _eachHappened.TrySetResult();
            return;
        }

        Mishap[] bag = [.. mishaps];
        try
        {
            int next = 0;
            while (true)
            {
                await Task.Delay(TimeSpan.FromSeconds(0.8 + (_random.NextDouble() * 1.6)), cancellation).ConfigureAwait(false);

                // Each of them in turn, in an order of chance.
                if (next > 0 && next % bag.Length == 0)
                    _random.Shuffle(bag);
                if (await HappenAsync(bag[next % bag.Length], cancellation).ConfigureAwait(false))
                    next++;
                if (next == bag.Length)
                    _eachHappened.TrySetResult();
            }
        }
        catch (OperationCanceledException)
        {
            // The demonstration is over.
        }
        finally
        {
            await Task.WhenAll(_naps).ConfigureAwait(false);
            _eachHappened.TrySetResult();
        }
    }

    /// <summary>False when there is nobody to whom it may happen now.</summary>
    private async ValueTask<bool> HappenAsync(Mishap mishap, CancellationToken cancellation)
    {
        WorkerProcess[] awake = [.. fleet.Workers.Where(worker => !worker.IsGone && !_stopped.ContainsKey(worker.ProcessId))];

        // Somebody has to be there who looks after what the others leave behind.
        if (mishap != Mishap.Disconnect && awake.Length < 2)
            return false;
        switch (mishap)
        {
            case Mishap.Kill:
                WorkerProcess victim = awake[_random.Next(awake.Length)];
                victim.Kill();
                tell($"killed worker {victim.Number}");
                await fleet.AddWorkerAsync().ConfigureAwait(false);
                break;
            case Mishap.Pause:
                WorkerProcess sleeper = awake[_random.Next(awake.Length)];
                TimeSpan nap = lease * (1.5 + _random.NextDouble());
                _naps.Add(NapAsync(sleeper.ProcessId, nap, cancellation));
                tell(string.Create(CultureInfo.InvariantCulture, $"stopped worker {sleeper.Number} for {nap.TotalSeconds:0.0} s, its lease is {lease.TotalSeconds:0.0} s"));
                break;
            default:
                foreach (string server in servers)
                    await DisconnectAsync(server, cancellation).ConfigureAwait(false);
                tell("closed all connections");
                break;
        }

        _counts[mishap] = _counts.GetValueOrDefault(mishap) + 1;
        return true;
    }

    /// <summary>Others go on meanwhile, and so do mishaps; at the end everybody wakes.</summary>
    private async Task NapAsync(int process, TimeSpan nap, CancellationToken cancellation)
    {
        _stopped[process] = true;
        await SignalAsync("-STOP", process).ConfigureAwait(false);
        await Task.Delay(nap, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await SignalAsync("-CONT", process).ConfigureAwait(false);
        _stopped.TryRemove(process, out _);
    }

    private static async ValueTask DisconnectAsync(string server, CancellationToken cancellation)
    {
        RespClient client = await RespClient.ConnectAsync(RespClientOptions.Parse(server) with { Connections = 1 }, cancellation).ConfigureAwait(false);
        await using (client.ConfigureAwait(false))
            await Command(client, cancellation).ConfigureAwait(false);

        static ValueTask<long> Command(RespClient client, CancellationToken cancellation)
        {
            RespCommand command = client.Command("CLIENT");
            return command.Write("KILL").Write("TYPE").Write("normal").Write("SKIPME").Write("yes").ToInt64Async(cancellationToken: cancellation);
        }
    }

    private static async ValueTask SignalAsync(string signal, int process)
    {
        using Process kill = Process.Start("kill", [signal, process.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync().ConfigureAwait(false);
    }

    private static string Words(Mishap mishap) => mishap switch
    {
        Mishap.Kill => "killed",
        Mishap.Pause => "stopped beyond the lease",
        _ => "disconnected",
    };
}
