namespace Sluice;

/// <summary>How a <see cref="DogpileCache"/> treats a value. Immutable; make one for each kind of value and keep it: a hit compares references first.</summary>
public sealed record DogpileEntryOptions
{
    /// <summary>How old a value may become before it is created anew, 1 ms and more. Null = never too old. Default 5 minutes.</summary>
    public TimeSpan? Expiry { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Up to so much of <see cref="Expiry"/> is taken off at random, so that what was created together does not expire together. 0 to <see cref="Expiry"/>.
    /// Default 0. A value never lives longer for it.
    /// </summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>
    /// For how long after its expiry a value may still be served: to those who come while another caller creates, and in place of an error or a wait where
    /// that is asked for. Null (the default) = for as long as it is there; 0 = not at all: everybody waits.
    /// </summary>
    public TimeSpan? StaleFor { get; init; }

    /// <summary>Whether a caller whose creation failed gets the expired value instead of the exception. Default false.</summary>
    public bool ServeStaleOnError { get; init; }

    /// <summary>After such a failure, for how long nobody tries again, 1 ms and more. Default 5 s.</summary>
    public TimeSpan ErrorBackoff { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For how long an exception is kept for callers that have no value, 1 ms and more. Null (the default) = not at all.</summary>
    public TimeSpan? ErrorExpiry { get; init; }

    /// <summary>How long a caller with an expired value at hand waits for the new one, 1 ms to 49 days. Null (the default) = until it is there.</summary>
    public TimeSpan? SoftTimeout { get; init; }

    /// <summary>
    /// How long a caller without any value waits, 1 ms to 49 days; then it gets a <see cref="CreationTimeoutException"/>. Null (the default) = until it is there.
    /// </summary>
    public TimeSpan? HardTimeout { get; init; }

    /// <summary>Whether a creation goes on when a caller's time was up, so that the next one finds its value. Default true.</summary>
    public bool GoOnAfterTimeout { get; init; } = true;

    /// <summary>Whether nobody waits for the next value while the expired one may be served: it is created in the background. Default false.</summary>
    public bool RefreshInBackground { get; init; }

    /// <summary>
    /// From which part of its <see cref="Expiry"/> on a value that is asked for is created anew in the background, above 0 and below 1. Null (the default) = not
    /// before its expiry.
    /// </summary>
    public double? RefreshAhead { get; init; }

    /// <summary>
    /// Probabilistic early refresh (XFetch; Vattani, Chierichetti and Lowenstein, VLDB 2015): every caller may, the likelier the nearer the expiry and the longer
    /// the creation takes, start it in the background. 1 is the optimum of the paper, more is earlier. 0 to 100; 0 (the default) = off.
    /// </summary>
    public double EarlyRefreshBeta { get; init; }

    /// <summary>Whether a created value is kept; null (the default) = always. For what is not found, for example. Callers that waited get the value all the same.</summary>
    public Func<object?, bool>? ShouldCache { get; init; }

    /// <summary>For how long the value is taken from memory without asking the store again, 0 and more. Null (the default) = as <see cref="DogpileCacheOptions.NearExpiry"/> says.</summary>
    public TimeSpan? NearExpiry { get; init; }

    /// <summary>What the value belongs to: <see cref="DogpileCache.InvalidateTagAsync"/> invalidates all values with a tag.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    internal bool NeedsPool => SoftTimeout is not null || HardTimeout is not null;

    internal void Validate()
    {
        OptionsCheck check = new(nameof(DogpileEntryOptions));
        check.Positive(nameof(Expiry), Expiry);
        check.Range(nameof(Jitter), Jitter, TimeSpan.Zero, Expiry ?? TimeSpan.Zero, "at most Expiry");
        if (StaleFor is { } stale)
            check.Range(nameof(StaleFor), stale, TimeSpan.Zero, TimeSpan.MaxValue);
        check.Positive(nameof(ErrorBackoff), ErrorBackoff);
        check.Positive(nameof(ErrorExpiry), ErrorExpiry);
        CheckTimeout(check, nameof(SoftTimeout), SoftTimeout);
        CheckTimeout(check, nameof(HardTimeout), HardTimeout);
        if (RefreshAhead is { } ahead && ahead is not (> 0 and < 1))
            check.Fail(nameof(RefreshAhead), $"{ahead}", "must be above 0 and below 1");
        if (EarlyRefreshBeta is not (>= 0 and <= 100))
            check.Fail(nameof(EarlyRefreshBeta), $"{EarlyRefreshBeta}", "must be 0 to 100");
        if (NearExpiry is { } near)
            check.Range(nameof(NearExpiry), near, TimeSpan.Zero, TimeSpan.MaxValue);
        if (Tags is null || Tags.Any(string.IsNullOrEmpty))
            check.Fail(nameof(Tags), Tags is null ? "null" : "a list with an empty tag", "must be a list of names");
        check.ThrowIfFailed();
    }

    /// <summary>A timer takes no more than 49.7 days.</summary>
    private static void CheckTimeout(OptionsCheck check, string option, TimeSpan? value)
    {
        if (value is { } span)
            check.Range(option, span, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(49), "or null for never");
    }
}

/// <summary>A caller without any value waited for <see cref="DogpileEntryOptions.HardTimeout"/>.</summary>
public sealed class CreationTimeoutException : TimeoutException
{
    /// <summary>Use the constructor with a message.</summary>
    public CreationTimeoutException()
    {
    }

    /// <summary>Says what was waited for.</summary>
    /// <param name="message">The text.</param>
    public CreationTimeoutException(string message)
        : base(message)
    {
    }

    /// <summary>Says what was waited for.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public CreationTimeoutException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
