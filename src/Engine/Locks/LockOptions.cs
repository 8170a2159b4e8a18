namespace Sluice;

/// <summary>Who may overtake whom among those who wait. All processes that use a lock should agree; while it is in use, the first of them decides.</summary>
public enum LockFairness
{
    /// <summary>Readers let waiting writers pass, so that writers don't starve (the default). Mutexes and semaphores: in order of arrival.</summary>
    WritersFirst,

    /// <summary>Strictly in order of arrival; also behind who waits for several locks.</summary>
    FirstInFirstOut,

    /// <summary>Whoever can be granted is. Writers may starve among readers that overlap.</summary>
    Overtaking,
}

/// <summary>How one lock is used. Not thread-safe while it is being filled; copied when a lock is made.</summary>
public sealed class LockOptions
{
    /// <summary>
    /// How long <c>AcquireAsync</c> without a time-out waits, 0 or more, or <see cref="Timeout.InfiniteTimeSpan"/>. Null (the default) =
    /// <see cref="EngineLockOptions.AcquireTimeout"/>.
    /// </summary>
    public TimeSpan? AcquireTimeout { get; set; }

    /// <summary>
    /// After how long a hold ends although its process lives and renews, 100 ms to 30 days: a bound for holders that hang. Null (the default) = never.
    /// </summary>
    public TimeSpan? MaxHold { get; set; }

    /// <summary>Who may overtake whom. Default: writers first.</summary>
    public LockFairness Fairness { get; set; } = LockFairness.WritersFirst;

    /// <summary>Who acquires: may acquire again what it holds, and appears in reports of deadlocks. Null (the default) = every handle for itself.</summary>
    public LockOwner? Owner { get; set; }

    /// <summary>Without an <see cref="Owner"/>: the one that <see cref="LockOwner.Flow"/> has put into the async context, if any. Default false.</summary>
    public bool UseFlowingOwner { get; set; }

    internal LockOptions Checked()
    {
        OptionsCheck check = new(nameof(LockOptions));
        Validate(check);
        check.ThrowIfFailed();
        return (LockOptions)MemberwiseClone();
    }

    private void Validate(OptionsCheck check)
    {
        if (AcquireTimeout is { } timeout && timeout < TimeSpan.Zero && timeout != Timeout.InfiniteTimeSpan)
            check.Fail(nameof(AcquireTimeout), OptionsCheck.Text(timeout), "must be 0 or more, or Timeout.InfiniteTimeSpan");
        if (MaxHold is { } hold)
            check.Range(nameof(MaxHold), hold, TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(30));
        check.Defined(nameof(Fairness), Fairness);
    }
}

/// <summary>How an engine keeps its locks.</summary>
public sealed class EngineLockOptions
{
    /// <summary>
    /// How long locks stay with a process that has died, 100 ms to 1 hour: the bound of a crash. Renewed every third of it. Default 10 s. Without meaning where
    /// the coordinator ends with the process.
    /// </summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long before its lease ends a lock counts as lost, up to a third of the lease: room for clocks that run at different speeds and for callbacks. Null
    /// (the default) = a tenth of the lease.
    /// </summary>
    public TimeSpan? Margin { get; set; }

    /// <summary>How long <c>AcquireAsync</c> waits when nothing else is said. Default 1 s: who waits longer should say so.</summary>
    public TimeSpan AcquireTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How others see this process among the participants, up to 200 characters. Null (the default) = machine and process id.</summary>
    public string? Description { get; set; }

    internal void Validate(OptionsCheck check)
    {
        check.Range($"{nameof(EngineOptions.Locks)}.{nameof(LeaseDuration)}", LeaseDuration, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1));
        if (Margin is { } margin)
            check.Range($"{nameof(EngineOptions.Locks)}.{nameof(Margin)}", margin, TimeSpan.FromMilliseconds(1), LeaseDuration / 3, "a third of LeaseDuration");
        if (AcquireTimeout < TimeSpan.Zero && AcquireTimeout != Timeout.InfiniteTimeSpan)
            check.Fail($"{nameof(EngineOptions.Locks)}.{nameof(AcquireTimeout)}", OptionsCheck.Text(AcquireTimeout), "must be 0 or more, or Timeout.InfiniteTimeSpan");
        if (Description is { Length: > 200 })
            check.Fail($"{nameof(EngineOptions.Locks)}.{nameof(Description)}", $"{Description.Length} characters long", "must have at most 200");
    }

    internal EngineLockOptions Copy() => (EngineLockOptions)MemberwiseClone();
}
