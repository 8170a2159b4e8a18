using Sluice.Coordination;
using Sluice.Waiting;

namespace Sluice.Running;

/// <summary>Waits until the sessions that have ended are completed, by looking: completions may run in any engine.</summary>
internal static class Quiescence
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(1);

    /// <summary>Returns when, in every partition, nothing is due and no session is sealed except parked ones.</summary>
    public static async ValueTask WaitAsync(AggregateRuntime runtime, CancellationToken cancellation)
    {
        for (int partition = 0; partition < runtime.Lanes.Length; partition++)
        {
            for (int looks = 0; ; looks++)
            {
                PokeReply? look = await runtime.TrySendAsync(partition, new PokeRequest(0) { Seen = runtime.Seen[partition] }, cancellation).ConfigureAwait(false);
                if (look is not null)
                {
                    if (look.NextDue > look.Now && look.Sealed == look.Parked)
                        break;
                    runtime.OnDue(partition, look.Now, Math.Min(look.NextDue, look.NextClaimExpiry));
                }

                // Completions on this machine usually take microseconds: give way a few times before sleeping.
                if (looks < 64)
                    await Task.Yield();
                else
                    await WorkCount.DelayAsync(runtime.Work, LookAgain, runtime.Engine.Options.TimeProvider, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Ends every session that is open, whoever held it, and waits until all are completed.</summary>
    public static async ValueTask EndAllAsync(AggregateRuntime runtime, CancellationToken cancellation)
    {
        for (int partition = 0; partition < runtime.Lanes.Length; partition++)
        {
            EndRequest end = new(CompletionReason.Shutdown) { Seen = runtime.Seen[partition] };
            while (await runtime.TrySendAsync(partition, end, cancellation).ConfigureAwait(false) is null)
                await WorkCount.DelayAsync(runtime.Work, LookAgain, runtime.Engine.Options.TimeProvider, cancellation).ConfigureAwait(false);
        }

        await WaitAsync(runtime, cancellation).ConfigureAwait(false);
    }
}
