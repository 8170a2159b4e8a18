namespace Sluice.Dogpiling;

/// <summary>
/// Which values were declared invalid, by what they belong to. An invalidation is a number that only grows (the epoch); a value knows the epoch in which its
/// creator began. While nothing new was invalidated a hit compares one number with another; after that each value is looked at once, when it is asked for.
/// </summary>
/// <remarks>
/// Any thread. The marks of an invalidation are written before its epoch is: who reads the new epoch finds the marks. So after an invalidation has returned no
/// value from before it passes.
/// </remarks>
internal sealed class Invalidations
{
    /// <summary>More different tags than this, and all older values are taken as invalid instead: memory stays bounded, and a value is created once too often.</summary>
    private const int MostTags = 10_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Marks> _tags = [];
    private Marks _all;
    private long _epoch;

    public long Epoch => Volatile.Read(ref _epoch);

    /// <summary>Invalidates what has a tag, or, with null, everything.</summary>
    public void Add(string? tag, Invalidation kind, DateTimeOffset at)
    {
        lock (_gate)
        {
            long epoch = _epoch + 1;
            if (tag is not null && _tags.Count >= MostTags && !_tags.ContainsKey(tag))
            {
                (tag, kind) = (null, Invalidation.Hard);
                _tags.Clear();
            }

            if (tag is null)
                _all = _all.With(kind, epoch, at);
            else
                _tags[tag] = _tags.GetValueOrDefault(tag).With(kind, epoch, at);
            Volatile.Write(ref _epoch, epoch);
        }
    }

    /// <summary>Somebody else may have changed what has a tag, or, with null, anything: the store knows.</summary>
    public void Doubt(string? tag)
    {
        lock (_gate)
        {
            long epoch = _epoch + 1;
            if (tag is null || (_tags.Count >= MostTags && !_tags.ContainsKey(tag)))
            {
                // Everything is doubted instead, and with it all that has a tag: those marks make room for others.
                _all = _all with { DoubtEpoch = epoch };
                foreach (string doubted in _tags.Where(static mark => mark.Value.IsDoubtOnly).Select(static mark => mark.Key).ToArray())
                    _tags.Remove(doubted);
            }
            else
            {
                _tags[tag] = _tags.GetValueOrDefault(tag) with { DoubtEpoch = epoch };
            }

            Volatile.Write(ref _epoch, epoch);
        }
    }

    /// <summary>Whether the store has to be asked about a value that was there in <paramref name="epoch"/>.</summary>
    public bool IsDoubtful(long epoch, IReadOnlyList<string> tags)
    {
        lock (_gate)
            return _all.DoubtEpoch > epoch || tags.Any(tag => _tags.GetValueOrDefault(tag).DoubtEpoch > epoch);
    }

    /// <summary>What happened to a value since its creator began in <paramref name="epoch"/>; null = nothing.</summary>
    public Invalidation? Since(long epoch, IReadOnlyList<string> tags) => Judge(tags, marks => marks.Since(epoch));

    /// <summary>What happened to a stored value since its creator began.</summary>
    public Invalidation? Since(DateTimeOffset begunAt, IReadOnlyList<string> tags) => Judge(tags, marks => marks.Since(begunAt));

    private Invalidation? Judge(IReadOnlyList<string> tags, Func<Marks, Invalidation?> judge)
    {
        lock (_gate)
        {
            Invalidation? worst = judge(_all);
            foreach (string tag in tags)
            {
                if (judge(_tags.GetValueOrDefault(tag)) is { } found && (worst is null || found == Invalidation.Hard))
                    worst = found;
            }

            return worst;
        }
    }

    private readonly record struct Marks(long HardEpoch, long SoftEpoch, DateTimeOffset HardAt, DateTimeOffset SoftAt)
    {
        public long DoubtEpoch { get; init; }

        public bool IsDoubtOnly => HardEpoch == 0 && SoftEpoch == 0;

        public Marks With(Invalidation kind, long epoch, DateTimeOffset at) =>
            kind == Invalidation.Hard ? this with { HardEpoch = epoch, HardAt = at } : this with { SoftEpoch = epoch, SoftAt = at };

        public Invalidation? Since(long epoch) => HardEpoch > epoch ? Invalidation.Hard : SoftEpoch > epoch ? Invalidation.Soft : null;

        // The clock of a machine may stand still for a tick: in doubt the value is invalid.
        public Invalidation? Since(DateTimeOffset begunAt) =>
            HardEpoch > 0 && HardAt >= begunAt ? Invalidation.Hard : SoftEpoch > 0 && SoftAt >= begunAt ? Invalidation.Soft : null;
    }
}
