namespace Sluice.Dogpiling;

/// <summary>
/// The latest keys that somebody else may have changed in the store, so that a value that was being read meanwhile is known to be doubtful. Any thread.
/// </summary>
/// <remarks>
/// A reader takes <see cref="Now"/> before it asks the store, publishes what it got, and then asks <see cref="HasChanged"/>. A change that is told before the publication is found
/// by that; one that is told after it finds the published value. Both happen when they meet, which does no harm.
/// </remarks>
internal sealed class RecentChanges
{
    private const int Kept = 256;

    private readonly Lock _gate = new();
    private readonly string?[] _names = new string?[Kept];
    private long _count;

    public long Now => Volatile.Read(ref _count);

    /// <summary>Notes a change; null = of everything.</summary>
    public void Add(string? name)
    {
        lock (_gate)
        {
            _names[_count % Kept] = name;
            Volatile.Write(ref _count, _count + 1);
        }
    }

    /// <summary>Whether one of some names may have changed since.</summary>
    public bool HasChanged(long since, ReadOnlySpan<string> names)
    {
        if (Now == since)
            return false;
        lock (_gate)
        {
            if (_count - since > Kept)
                return true;
            for (long at = since; at < _count; at++)
            {
                if (_names[at % Kept] is not { } changed || names.Contains(changed))
                    return true;
            }

            return false;
        }
    }
}
