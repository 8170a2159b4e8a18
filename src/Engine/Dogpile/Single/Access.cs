namespace Sluice.Dogpiling;

/// <summary>One caller's access, from its question to its value. Used by one flow at a time.</summary>
internal sealed class Access<TValue>(ValueGetter<TValue>? getter, Func<CancellationToken, ValueTask<TValue>> creator, Action? published = null)
{
    public ValueGetter<TValue>? Getter => getter;

    public Func<CancellationToken, ValueTask<TValue>> Creator => creator;

    /// <summary>Called when this access created, after others can find the value (or the creation has failed) and before any waiter hears of it.</summary>
    public Action? Published => published;

    /// <summary>Whether the getter was asked; it is asked once.</summary>
    public bool HasAsked { get; set; }

    /// <summary>The dogpile's version before the getter was asked: what was created later is newer than what the getter found.</summary>
    public long VersionWhenAsked { get; set; }

    /// <summary>A value that is there but too old.</summary>
    public Snapshot<TValue>? Old { get; set; }
}

/// <summary>A value that was created, and when. Immutable, so that a reader who has it needs nothing else.</summary>
/// <param name="Value">The value.</param>
/// <param name="CreatedAt">By the wall clock; null when a getter did not say.</param>
/// <param name="ExpiresAt">By the <see cref="AgeClock"/>; <see cref="long.MaxValue"/> = never.</param>
/// <param name="Version">Grows with every creation of this dogpile.</param>
internal sealed record Snapshot<TValue>(TValue Value, DateTimeOffset? CreatedAt, long ExpiresAt, long Version)
{
    // A value that never expires costs no look at the clock.
    public bool IsFresh(AgeClock clock) => ExpiresAt == long.MaxValue || clock.IsBefore(ExpiresAt);

    public DogpileScope<TValue> Scope(DogpileOutcome outcome) => new(Value, CreatedAt, outcome);
}

/// <summary>What an access has to do next.</summary>
internal enum Next
{
    /// <summary>Take the value.</summary>
    Take,

    /// <summary>Ask the getter.</summary>
    Ask,

    /// <summary>Create; nobody else may until it has ended.</summary>
    Create,

    /// <summary>Wait for the creation that it was counted into.</summary>
    Join,

    /// <summary>Wait for the end of a creation that everybody has left, and look again.</summary>
    AwaitEnd,
}

/// <summary>What was decided under the gate.</summary>
internal readonly record struct Decision<TValue>(Next Next, DogpileOutcome Outcome, Snapshot<TValue>? Snapshot, Creation<Snapshot<TValue>>? Creation);
