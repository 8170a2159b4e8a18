namespace Sluice.Hosting.Tests;

/// <summary>What the tests count.</summary>
[Aggregate("hosted-visit")]
public partial class Visit
{
    [Key]
    public partial string Visitor { get; }

    [Sum]
    public partial long Hits { get; }
}

/// <summary>Where completed visits go.</summary>
public sealed class VisitLedger
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _hits = new(StringComparer.Ordinal);

    public long this[string visitor]
    {
        get
        {
            lock (_gate)
                return _hits.GetValueOrDefault(visitor);
        }
    }

    public ValueTask AddAsync(Visit visit)
    {
        lock (_gate)
            _hits[visit.Visitor] = _hits.GetValueOrDefault(visit.Visitor) + visit.Hits;
        return ValueTask.CompletedTask;
    }
}
