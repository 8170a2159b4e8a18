using System.Globalization;
using Sluice.Harness;
using Sluice.Harness.Faults;

namespace Sluice.LockFaults;

/// <summary>Does to workers and their server what a round's fault says.</summary>
/// <param name="server">The workers' server.</param>
/// <param name="workers">All of them.</param>
/// <param name="random">Decides what the fault leaves open.</param>
/// <param name="beyondLease">Longer than a worker's lease.</param>
internal sealed class Adversary(PrivateRedisServer server, IReadOnlyList<WorkerProcess> workers, Random random, TimeSpan beyondLease)
{
    /// <summary>Returns when it is over.</summary>
    public async Task MeetAsync(LockFault fault, WorkerProcess victim, CancellationToken cancellation)
    {
        switch (fault)
        {
            case LockFault.None:
                break;
            case LockFault.Kill:
                victim.Kill();
                break;
            case LockFault.Pause:
                victim.Suspend();
                await Task.Delay(beyondLease, cancellation).ConfigureAwait(false);
                victim.Resume();
                break;
            case LockFault.Silence:
                victim.Proxy.Stall(FaultDirection.ToServer);
                victim.Proxy.Stall(FaultDirection.ToClient);
                await Task.Delay(beyondLease, cancellation).ConfigureAwait(false);
                Heal(victim);
                break;
            case LockFault.LostReplies:
                foreach (WorkerProcess worker in workers)
                    worker.Proxy.Stall(FaultDirection.ToClient);
                await Task.Delay(random.Next(5, 200), cancellation).ConfigureAwait(false);
                foreach (WorkerProcess worker in workers)
                    Heal(worker);
                break;
            case LockFault.Restart:
                server.Process.Kill();
                await server.RestartAsync(cancellation).ConfigureAwait(false);
                break;
            case LockFault.ScriptFlush:
                await server.AskAsync(["SCRIPT", "FLUSH"], cancellation).ConfigureAwait(false);
                break;
            case LockFault.Starvation:
                await victim.TellAsync(string.Create(CultureInfo.InvariantCulture, $"starve {(int)beyondLease.TotalMilliseconds}")).ConfigureAwait(false);
                await Task.Delay(beyondLease, cancellation).ConfigureAwait(false);
                break;
            case LockFault.Collection:
                for (int i = 0; i < 3; i++)
                    await victim.TellAsync("collect").ConfigureAwait(false);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault, "There is no such fault.");
        }
    }

    private static void Heal(WorkerProcess worker)
    {
        // What was stalled is thrown away with its connections.
        worker.Proxy.ResetAll();
        worker.Proxy.Resume(FaultDirection.ToServer);
        worker.Proxy.Resume(FaultDirection.ToClient);
    }
}
