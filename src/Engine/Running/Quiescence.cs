using Sluice.Coordination;

namespace Sluice.Running;

/// <summary>Waits until the sessions that have ended are completed, by looking: completions may run in any engine.</summary>
internal static class Quiescence
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(1);

    /// <summary>
    /// Returns when, in every partition that <paramref name="includes"/> names, nothing is due within <paramref name="ahead"/> microseconds and no
    /// session is sealed except parked ones.
    /// </summary>
    public static async ValueTask WaitAsync(AggregateRuntime runtime, long ahead, Func<int, bool> includes, CancellationToken cancellation)
    {
        for (int partition = 0; partition < runtime.Lanes.Length; partition++)
        {
            for (int looks = 0; includes(partition); looks++)
            {
                PokeReply? look = await runtime.TrySendAsync(partition, new PokeRequest(0) { Seen = runtime.Seen[partition] }, cancellation).ConfigureAwait(false);
                if (look is not null)
                {
                    if (look.NextDue > Durations.After(look.Now, ahead) && look.Sealed == look.Parked)
                        break;
                    runtime.OnDue(partition, look.Now, Math.Min(look.NextDue, look.NextClaimExpiry));
                }

                // Completions on this machine usually take microseconds: give way a few times before sleeping.
                if (looks < 64)
                    await Task.Yield();
                else
                    await Task.Delay(LookAgain, runtime.Engine.Options.TimeProvider, cancellation).ConfigureAwait(false);
            }
        }
    }
}
