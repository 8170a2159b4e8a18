using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Running;

/// <summary>What people do with the dead letters of a namespace.</summary>
internal static class DeadLetterDesk
{
    public static async ValueTask<IReadOnlyList<DeadLetter>> ListDeadLettersAsync(this AggregateRuntime runtime, int limit, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ImmutableArray<DeadLetter>.Builder letters = ImmutableArray.CreateBuilder<DeadLetter>();
        for (int partition = 0; partition < runtime.Lanes.Length; partition++)
        {
            DeadLettersReply reply = await runtime.SendAsync(partition, new DeadLettersRequest(limit), cancellation).ConfigureAwait(false);
            foreach (DeadLetterEntry entry in reply.Letters)
                letters.Add(new DeadLetter(entry));
        }

        return letters.ToImmutable();
    }

    public static async ValueTask<bool> ReplayDeadLetterAsync(this AggregateRuntime runtime, DeadLetter letter, long linger, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(letter);
        int partition = letter.Key.Partition(runtime.Lanes.Length);
        ReplayRequest request = new(letter.Key, letter.Id, linger) { Seen = runtime.Seen[partition] };
        ReplayReply reply = await runtime.SendAsync(partition, request, cancellation).ConfigureAwait(false);
        runtime.OnDue(partition, reply.Now, reply.NextDue);
        return reply.Status == ReplayStatus.Replayed;
    }

    public static async ValueTask<bool> PurgeDeadLetterAsync(this AggregateRuntime runtime, DeadLetter letter, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(letter);
        int partition = letter.Key.Partition(runtime.Lanes.Length);
        PurgeReply reply = await runtime.SendAsync(partition, new PurgeRequest(letter.Key, letter.Id) { Seen = runtime.Seen[partition] }, cancellation).ConfigureAwait(false);
        runtime.OnDue(partition, reply.Now, reply.NextDue);
        return reply.Purged;
    }
}
