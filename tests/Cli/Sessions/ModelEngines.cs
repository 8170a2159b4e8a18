using System.Text;
using Sluice.Cli.Sessions;

namespace Sluice.Cli.Tests.Sessions;

/// <summary>
/// Engines small enough to be obviously right, for the tool's own code: local sessions in a dictionary, and a coordinator that keeps who holds what.
/// They flush at random moments, as real ones do, and can be told to lose or repeat a session.
/// </summary>
internal sealed class ModelEngines(int seed = 1) : IVisitEngines
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (HashSet<int> Holders, List<PageView> Views)> _open = [];
    private readonly List<CompletedVisit> _ended = [];
    private Action<CompletedVisit> _complete = static _ => { };
    private int _engines;
    private long _generation;

    /// <summary>The number of the session that is not handed over, from 1; 0 for none.</summary>
    public long Loses { get; init; }

    /// <summary>The number of the session that is handed over twice, from 1; 0 for none.</summary>
    public long Repeats { get; init; }

    /// <summary>The number of the merge that fails, from 1; 0 for none.</summary>
    public long FailsAtMerge { get; init; }

    /// <summary>How often a merge finds no room and has to wait; 0 for never.</summary>
    public int NoRoomOneIn { get; init; }

    public ValueTask<IVisitEngine> StartAsync(VisitEngineOptions options, Action<CompletedVisit> complete, CancellationToken cancellation)
    {
        _complete = complete;
        return ValueTask.FromResult<IVisitEngine>(new Engine(this, options, _engines++, seed));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Apply(int engine, string key, List<PageView> views, bool holds)
    {
        lock (_gate)
        {
            if (!_open.TryGetValue(key, out var session))
                _open[key] = session = ([], []);
            session.Views.AddRange(views);
            if (holds)
            {
                session.Holders.Add(engine);
                return;
            }

            session.Holders.Remove(engine);
            if (session.Holders.Count > 0)
                return;
            _open.Remove(key);
            _ended.Add(Complete(key, ++_generation, session.Views));
        }
    }

    private void HandOver()
    {
        lock (_gate)
        {
            foreach (CompletedVisit visit in _ended)
            {
                if (visit.Generation != Loses)
                    _complete(visit);
                if (visit.Generation == Repeats)
                    _complete(visit);
            }

            _ended.Clear();
        }
    }

    private static CompletedVisit Complete(string key, long generation, List<PageView> views) => new()
    {
        Key = key,
        Generation = generation,
        IdempotencyKey = $"{key}@{generation}",
        FencingToken = generation,
        Hits = views.Count,
        Bytes = views.Sum(static view => view.Bytes),
        Errors = views.Count(static view => view.IsError),
        FirstSeen = new DateTimeOffset(views.Min(static view => view.SeenTicks), TimeSpan.Zero),
        LastSeen = new DateTimeOffset(views.Max(static view => view.SeenTicks), TimeSpan.Zero),
        LastPages = views.OrderByDescending(static view => view.StampTicks).Take(10).Select(static view => view.Page).ToList(),
        DistinctPages = views.Select(static view => view.Page).Distinct().Count(),
        Reason = CompletionReason.Idle,
        Attempt = 1,
    };

    private sealed class Engine(ModelEngines engines, VisitEngineOptions options, int number, int seed) : IVisitEngine
    {
        private readonly Random _random = new(seed + number);
        private readonly Dictionary<string, Local> _local = [];
        private long _now;
        private long _merges;

        public long NextSessionDeadlineTicks => _local.Count == 0 ? long.MaxValue : _local.Values.Min(Deadline);

        public long FlushedItems { get; private set; }

        public void AdvanceTo(long ticks) => _now = Math.Max(_now, ticks);

        public bool TryMerge(ReadOnlySpan<byte> key, in PageView view)
        {
            if (engines.NoRoomOneIn > 0 && _random.Next(engines.NoRoomOneIn) == 0)
                return false;
            Merge(Encoding.UTF8.GetString(key), view);
            return true;
        }

        public async ValueTask MergeAsync(string key, PageView view, CancellationToken cancellation)
        {
            await Task.Yield();
            Merge(key, view);
        }

        public ValueTask FlushAsync(CancellationToken cancellation)
        {
            foreach ((string key, Local local) in _local)
                Flush(key, local, holds: true);
            return ValueTask.CompletedTask;
        }

        public ValueTask SweepAsync(CancellationToken cancellation) => End(local => Deadline(local) <= _now);

        public ValueTask EndAllAsync(CancellationToken cancellation) => End(static _ => true);

        public ValueTask QuiesceAsync(CancellationToken cancellation)
        {
            engines.HandOver();
            return ValueTask.CompletedTask;
        }

        public ValueTask<string?> StopAsync(CancellationToken cancellation) => ValueTask.FromResult<string?>(null);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private void Merge(string key, PageView view)
        {
            if (++_merges == engines.FailsAtMerge)
                throw new InvalidOperationException("the engine failed");
            if (_local.TryGetValue(key, out Local? local) && Deadline(local) <= _now)
                End(key, local);
            if (!_local.TryGetValue(key, out local))
                _local.Add(key, local = new Local { Created = _now });
            local.Merged = _now;
            local.Pending.Add(view);
            if (_random.Next(3) == 0)
                Flush(key, local, holds: true);
            if (_local.Count > options.Capacity)
            {
                (string oldest, Local evicted) = _local.MinBy(static pair => pair.Value.Merged);
                End(oldest, evicted);
            }
        }

        private ValueTask End(Func<Local, bool> which)
        {
            foreach ((string key, Local local) in _local.Where(pair => which(pair.Value)).ToList())
                End(key, local);
            return ValueTask.CompletedTask;
        }

        private void End(string key, Local local)
        {
            Flush(key, local, holds: false);
            _local.Remove(key);
        }

        private void Flush(string key, Local local, bool holds)
        {
            if (holds && local.Pending.Count == 0)
                return;
            FlushedItems++;
            engines.Apply(number, key, local.Pending, holds);
            local.Pending.Clear();
        }

        private long Deadline(Local local) => Math.Min(
            options.Hard is { } hard ? local.Created + hard.Ticks : long.MaxValue,
            options.Soft is { } soft ? local.Merged + soft.Ticks : long.MaxValue);

        private sealed class Local
        {
            public long Created { get; init; }

            public long Merged { get; set; }

            public List<PageView> Pending { get; } = [];
        }
    }
}
