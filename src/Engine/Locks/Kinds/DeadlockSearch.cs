using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>Who waits for whom, and who therefore waits for ever.</summary>
internal static class DeadlockSearch
{
    private const int RecordsAtOnce = 256;

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

    /// <summary>The edges of the records that somebody waits for.</summary>
    public static IEnumerable<Edge> EdgesOf(SurveyedRecord record)
    {
        for (int i = 0; i < record.Waiters.Length; i++)
        {
            ParticipantEntry waiter = record.Waiters[i];
            IEnumerable<ParticipantEntry> before = record.Policy switch
            {
                LockPolicy.FirstInFirstOut => record.Waiters.Take(i),
                LockPolicy.WritersFirst when waiter.Mode is LockMode.Shared or LockMode.Upgradeable => record.Waiters.Where(static other => other.Mode == LockMode.Exclusive),
                _ => [],
            };
            foreach (ParticipantEntry other in record.Holders.Concat(before))
            {
                if (other.Handle != waiter.Handle)
                    yield return new Edge(NodeOf(waiter), NodeOf(other), record.Resource.ToString(), waiter.Handle, other.Handle);
            }
        }
    }

    /// <summary>One cycle for each set of owners that wait for each other.</summary>
    public static ImmutableArray<LockDeadlock> Cycles(IEnumerable<Edge> edges)
    {
        ILookup<string, Edge> from = edges.ToLookup(static edge => edge.Waiter);
        HashSet<string> done = [];
        ImmutableArray<LockDeadlock>.Builder found = ImmutableArray.CreateBuilder<LockDeadlock>();
        foreach (string start in from.Select(static group => group.Key).Order(StringComparer.Ordinal))
        {
            if (done.Contains(start) || ShortestCycle(start, from) is not { } cycle)
                continue;
            done.UnionWith(cycle.Select(static edge => edge.Waiter));
            found.Add(new LockDeadlock([.. cycle.Select(static edge => new LockWait(edge.Waiter, edge.Lock, edge.Blocker))]));
        }

        return found.ToImmutable();
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
                reply = await client.SendAsync(partition, new SurveyRequest(after, RecordsAtOnce), cancellation).ConfigureAwait(false);
                foreach (SurveyedRecord record in reply.Records)
                    edges.UnionWith(EdgesOf(record));
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

    private static string NodeOf(ParticipantEntry entry) => entry.Owner.Length != 0 ? entry.Owner : $"{entry.Description} {entry.Handle}";

    /// <param name="Waiter">Who waits.</param>
    /// <param name="Blocker">For whom.</param>
    /// <param name="Lock">At which lock.</param>
    internal readonly record struct Edge(string Waiter, string Blocker, string Lock, LockHandleId WaitingHandle, LockHandleId BlockingHandle);
}
