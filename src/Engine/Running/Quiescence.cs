using Sluice.Coordination;

namespace Sluice.Running;

/// <summary>Waits until the sessions that have ended are completed, by looking: completions may run in any engine.</summary>
internal static class Quiescence
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(1);

    /// <summary>
    /// Returns when, in every partition that <paramref name="includes"/> says counts, nothing is due within <paramref name="ahead"/> microseconds and no
    /// session is sealed except parked ones.
    /// </summary>
    public static async ValueTask WaitAsync(AggregateRuntime runtime, long ahead, Func<PartitionLook, bool> includes, CancellationToken cancellation)
    {
        for (int partition = 0; partition < runtime.Lanes.Length; partition++)
        {
            for (int looks = 0; ; looks++)
            {
                PokeReply? look = await runtime.TrySendAsync(partition, new PokeRequest(0) { Seen = runtime.Seen[partition] }, cancellation).ConfigureAwait(false);
                if (look is not null)
                {
                    bool isQuiet = look.NextDue > Durations.After(look.Now, ahead) && look.Sealed == look.Parked;
                    if (isQuiet || !includes(new PartitionLook(partition, look)))
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

    /// <summary>Whether other engines are members of the partition.</summary>
    public static bool HasOthers(AggregateRuntime runtime, PartitionLook look) => HasOthers(runtime, look.Reply, look.Partition);

    /// <summary>Whether other engines are members of the partition.</summary>
    public static bool HasOthers(AggregateRuntime runtime, PokeReply look, int partition) =>
        look.Members > (runtime.Lanes[partition].Identity.Incarnation.IsNone ? 0 : 1);
}

/// <summary>What a look at a partition found.</summary>
internal readonly record struct PartitionLook(int Partition, PokeReply Reply);
