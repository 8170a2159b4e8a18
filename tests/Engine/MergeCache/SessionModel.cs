using Sluice.Caching;

namespace Sluice.Tests.Caching;

/// <summary>What the cache must do, as a dictionary and a walk over all of it: no stripes, no heap, no claims.</summary>
internal sealed class SessionModel(long soft, long hard, int partitions, bool holdReferences)
{
    private readonly Dictionary<string, Session> _sessions = [];
    private readonly List<Taken> _items = [];

    public HashSet<int> FullPartitions { get; } = [];

    public int Count => _sessions.Count;

    public long FirstDeadline => _sessions.Values.Select(Deadline).DefaultIfEmpty(long.MaxValue).Min();

    public long OldestEpoch(long current) => _sessions.Values.Where(s => s.Epoch != 0).Select(s => s.Epoch).Append(current).Min();

    public List<Taken> Drain()
    {
        List<Taken> drained = [.. _items];
        _items.Clear();
        return drained;
    }

    public MergeAnswer Merge(string key, long amount, long epoch, long now)
    {
        if (_sessions.TryGetValue(key, out Session? session) && Deadline(session) <= now)
        {
            if (!TryEnd(session, Reason(session), force: false))
                return MergeAnswer.Full;
            session = null;
        }

        session ??= _sessions[key] = new Session(key, CacheUnderTest.PartitionOf(key, partitions)) { Created = now, LastMerge = now };
        session.LastMerge = Math.Max(session.LastMerge, now);
        session.Delta.Add(new Tally { Sum = amount, Max = amount, Count = 1 });
        session.Epoch = session.Epoch == 0 ? epoch : Math.Min(session.Epoch, epoch);
        return MergeAnswer.Merged;
    }

    public bool Flush(string key) => !_sessions.TryGetValue(key, out Session? session) || TryFlush(session, long.MaxValue);

    public bool FlushDirty(long upTo) => _sessions.Values.ToList().FindAll(s => !TryFlush(s, upTo)) is [];

    public bool Expire(string key, bool force)
    {
        if (_sessions.TryGetValue(key, out Session? session))
            return TryEnd(session, force ? CompletionReason.Forced : CompletionReason.Expired, force);
        return !force || TrySend(new Session(key, CacheUnderTest.PartitionOf(key, partitions)), holds: false, force: true, CompletionReason.Forced);
    }

    public bool Sweep(long now, out int ended)
    {
        List<Session> due = [.. _sessions.Values.Where(s => Deadline(s) <= now)];
        ended = due.Count(s => TryEnd(s, Reason(s), force: false));
        return ended == due.Count;
    }

    public bool ExpireAll(out int ended)
    {
        List<Session> all = [.. _sessions.Values];
        ended = all.Count(s => TryEnd(s, CompletionReason.Shutdown, force: false));
        return ended == all.Count;
    }

    public int Discard()
    {
        List<Session> dirty = [.. _sessions.Values.Where(s => s.Epoch != 0)];
        foreach (Session session in dirty)
            (session.Epoch, session.Delta) = (0, default);
        return dirty.Count;
    }

    private static long Plus(long ticks, long period) => period > long.MaxValue - ticks ? long.MaxValue : ticks + period;

    private long Deadline(Session session) => Math.Min(Plus(session.Created, hard), Plus(session.LastMerge, soft));

    private CompletionReason Reason(Session session) =>
        Plus(session.Created, hard) <= Plus(session.LastMerge, soft) ? CompletionReason.HardDeadline : CompletionReason.Idle;

    private bool TryFlush(Session session, long upTo)
    {
        if (session.Epoch == 0 || session.Epoch > upTo)
            return true;
        if (!TrySend(session, holdReferences, force: false, default))
            return false;
        (session.Epoch, session.Delta, session.Referenced) = (0, default, holdReferences);
        return true;
    }

    private bool TryEnd(Session session, CompletionReason reason, bool force)
    {
        if ((session.Epoch != 0 || session.Referenced || force) && !TrySend(session, holds: false, force, reason))
            return false;
        return _sessions.Remove(session.Key);
    }

    private bool TrySend(Session session, bool holds, bool force, CompletionReason reason)
    {
        if (FullPartitions.Contains(session.Partition))
            return false;
        _items.Add(new Taken(session.Partition, session.Key, session.Epoch != 0, session.Delta, session.Epoch, holds, force, reason, Waiter: null));
        return true;
    }

    private sealed class Session(string key, int partition)
    {
        public readonly string Key = key;
        public readonly int Partition = partition;
        public long Created;
        public long LastMerge;
        public long Epoch;
        public bool Referenced;
        public Tally Delta;
    }
}
