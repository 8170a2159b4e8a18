using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>Who waits for whom, and who therefore waits for ever.</summary>
/// <remarks>
/// An owner goes on when each of its waits can end. A wait for exclusion ends when everybody who is in the way goes on; a wait for a permit when anybody of its
/// holders does; a wait for signals, or for others to come, is ended by people whom nobody has listed. Whoever can't go on by these rules waits for ever: of those the
/// cycles are reported.
/// </remarks>
internal static class DeadlockSearch
{
    // Bounds of one reply. Of more participants than that only the first are seen, so a deadlock among the others is not found.
    private const int RecordsAtOnce = 64;
    private const int ParticipantsOfEach = 256;

    public static async ValueTask<ImmutableArray<LockDeadlock>> FindAsync(LockClient client, CancellationToken cancellation)
    {
        // Partitions are read one after the other, so an edge may be gone when the next one is read. What is seen twice was there all the time between: a
        // handle that waits twice with the same number has waited.
        HashSet<Edge> first = await EdgesAsync(client, cancellation).ConfigureAwait(false);
        if (first.Count == 0)
            return [];
        HashSet<Edge> both = await EdgesAsync(client, cancellation).ConfigureAwait(false);
        both.IntersectWith(first);
        return Cycles(both);
    }

    /// <summary>The edges of one record: as many as participants, or few more. What follows from two of them is left out.</summary>
    public static IEnumerable<Edge> EdgesOf(SurveyedRecord record, int partition = 0)
    {
        // A holder that waits to become exclusive stands first in the line, and before everybody.
        ParticipantEntry? upgrade = record.Waiters.FirstOrDefault(waiter => record.Holders.Any(holder => holder.Handle == waiter.Handle));

        // Where there are readers nobody wants several resources, so writers are granted one after the other whatever the policy is.
        bool hasReaders = record.Holders.Concat(record.Waiters).Any(static entry => entry.Mode is LockMode.Shared or LockMode.Upgradeable);
        bool isFifo = record.Policy == LockPolicy.FirstInFirstOut;
        ParticipantEntry? lastWriter = record.Waiters.LastOrDefault(static waiter => waiter.Mode == LockMode.Exclusive);
        ParticipantEntry? before = null, writerBefore = null;
        foreach (ParticipantEntry waiter in record.Waiters)
        {
            if (waiter.Mode is LockMode.Rendezvous or LockMode.Signal or LockMode.Await)
                continue;
            bool isReader = waiter.Mode is LockMode.Shared or LockMode.Upgradeable;
            ParticipantEntry? next = isFifo && before is not null ? before
                : isReader && record.Policy == LockPolicy.WritersFirst && lastWriter is not null ? lastWriter
                : isReader && upgrade is not null ? upgrade
                : hasReaders && waiter.Mode == LockMode.Exclusive ? writerBefore
                : null;
            if (next is not null)
            {
                // An owner does not wait for itself to be served: that is the same wait once more.
                if (NodeOf(next, partition) != NodeOf(waiter, partition))
                    yield return EdgeOf(waiter, next, isAny: false);
            }

            // Everybody who has somebody in front of him waits for the holders through him.
            foreach (ParticipantEntry holder in next is null || waiter.Mode == LockMode.Permit ? record.Holders : [])
            {
                if (holder.Handle != waiter.Handle && (waiter.Mode == LockMode.Permit || !GrantRules.Agrees(waiter.Mode, holder.Mode)))
                    yield return EdgeOf(waiter, holder, isAny: waiter.Mode == LockMode.Permit && holder.Mode == LockMode.Permit);
            }

            before = waiter;
            if (waiter.Mode == LockMode.Exclusive)
                writerBefore = waiter;
        }

        Edge EdgeOf(ParticipantEntry waiter, ParticipantEntry blocker, bool isAny) =>
            new(NodeOf(waiter, partition), NodeOf(blocker, partition), record.Resource.ToString(), waiter.Handle, blocker.Handle, isAny);
    }

    /// <summary>One cycle for each set of owners that wait for each other.</summary>
    public static ImmutableArray<LockDeadlock> Cycles(IEnumerable<Edge> edges)
    {
        ILookup<string, Edge> from = Stuck([.. edges]).ToLookup(static edge => edge.Waiter);
        HashSet<string> done = [];
        ImmutableArray<LockDeadlock>.Builder found = ImmutableArray.CreateBuilder<LockDeadlock>();
        foreach (string start in from.Select(static group => group.Key).Order(StringComparer.Ordinal))
        {
            if (done.Contains(start) || ShortestCycle(start, from) is not { } cycle || cycle.Exists(edge => done.Contains(edge.Waiter)))
                continue;
            done.UnionWith(cycle.Select(static edge => edge.Waiter));
            found.Add(new LockDeadlock([.. cycle.Select(static edge => new LockWait(edge.Waiter, edge.Lock, edge.Blocker))]));
        }

        return found.ToImmutable();
    }

    /// <summary>The edges between owners that can't go on: takes away who can until nobody is left who can.</summary>
    private static List<Edge> Stuck(List<Edge> edges)
    {
        while (true)
        {
            // Who waits for nothing goes on; and with it everybody who waits for it alone, or for any of several with it among them.
            HashSet<string> waiting = [.. edges.Select(static edge => edge.Waiter)];
            HashSet<(LockHandleId, string)> served = [.. edges.Where(edge => edge.IsAny && !waiting.Contains(edge.Blocker)).Select(static edge => (edge.WaitingHandle, edge.Lock))];
            int before = edges.Count;
            edges.RemoveAll(edge => !waiting.Contains(edge.Blocker) || (edge.IsAny && served.Contains((edge.WaitingHandle, edge.Lock))));
            if (edges.Count == before)
                return edges;
        }
    }

    private static async ValueTask<HashSet<Edge>> EdgesAsync(LockClient client, CancellationToken cancellation)
    {
        HashSet<Edge> edges = [];
        for (int partition = 0; partition < client.Space.Partitions; partition++)
        {
            ResourceKey? after = null;
            SurveyReply reply;
            do
            {
                reply = await client.SendAsync(partition, new SurveyRequest(after, RecordsAtOnce, ParticipantsOfEach), cancellation).ConfigureAwait(false);
                foreach (SurveyedRecord record in reply.Records)
                    edges.UnionWith(EdgesOf(record, partition));
                after = reply.Records.IsEmpty ? null : reply.Records[^1].Resource;
            }
            while (reply.IsUnfinished);
        }

        return edges;
    }

    private static List<Edge>? ShortestCycle(string start, ILookup<string, Edge> from)
    {
        Dictionary<string, Edge> reached = [];
        Queue<string> next = new([start]);
        while (next.TryDequeue(out string? node))
        {
            foreach (Edge edge in from[node])
            {
                if (edge.Blocker == start)
                    return PathTo(edge, start, reached);
                if (reached.TryAdd(edge.Blocker, edge))
                    next.Enqueue(edge.Blocker);
            }
        }

        return null;
    }

    private static List<Edge> PathTo(Edge last, string start, Dictionary<string, Edge> reached)
    {
        List<Edge> path = [last];
        while (path[^1].Waiter != start)
            path.Add(reached[path[^1].Waiter]);
        path.Reverse();
        return path;
    }

    /// <summary>Sessions of one engine in two partitions may have one identity.</summary>
    private static string NodeOf(ParticipantEntry entry, int partition) => entry.Owner.Length != 0 ? entry.Owner : $"{entry.Description} {partition}/{entry.Handle}";

    /// <param name="Waiter">Who waits.</param>
    /// <param name="Blocker">For whom.</param>
    /// <param name="Lock">At which lock.</param>
    /// <param name="WaitingHandle">The handle that waits.</param>
    /// <param name="BlockingHandle">The handle that is in the way.</param>
    /// <param name="IsAny">It is enough if any of those that the handle waits for at this lock goes on.</param>
    internal readonly record struct Edge(string Waiter, string Blocker, string Lock, LockHandleId WaitingHandle, LockHandleId BlockingHandle, bool IsAny);
}
