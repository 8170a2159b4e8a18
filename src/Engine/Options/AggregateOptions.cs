namespace Sluice;

/// <summary>How one aggregate lives in one engine. What is null here is taken from <see cref="EngineOptions"/>.</summary>
/// <remarks>Fill it before the aggregate is registered, and leave it alone afterwards. Not thread-safe; the handlers are called by several threads at once.</remarks>
/// <typeparam name="TValue">The aggregate.</typeparam>
public sealed class AggregateOptions<TValue>
    where TValue : class
{
    /// <summary>
    /// Writes one finished session to where it belongs. The token is cancelled when the claim was lost: somebody else completes the session then.
    /// Throwing (or <see cref="Completion{TValue}.Fail"/>) gives the session back for another try.
    /// </summary>
    public Func<Completion<TValue>, CancellationToken, ValueTask>? OnComplete { get; set; }

    /// <summary>
    /// Writes many finished sessions at once: one statement for hundreds of rows is the point of it all. Throwing gives all of them back;
    /// <see cref="Completion{TValue}.Fail"/> gives back one. Exclusive with <see cref="OnComplete"/>. With neither, this engine only produces.
    /// </summary>
    public Func<IReadOnlyList<Completion<TValue>>, CancellationToken, ValueTask>? OnCompleteBatch { get; set; }

    /// <summary>The most sessions of one <see cref="OnCompleteBatch"/>, 1 to 10,000. Default 500.</summary>
    public int CompletionBatchSize { get; set; } = 500;

    /// <summary>How many completions (or batches) run at the same time, 1 to 1,024: the database's protection. Default 4.</summary>
    public int MaxConcurrentCompletions { get; set; } = 4;

    /// <summary>After how many tries a session becomes a dead letter, 1 to 1,000. Default 10: with the back-off, about two minutes.</summary>
    public int MaxCompletionAttempts { get; set; } = 10;

    /// <summary>The pause after the first failure; it doubles each time. 1 ms to 1 hour. Default 200 ms.</summary>
    public TimeSpan CompletionBackoff { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause between two tries, 1 ms to 1 day. Default 30 s.</summary>
    public TimeSpan MaxCompletionBackoff { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>What becomes of a resource whose session could not be completed. Default: its later sessions wait.</summary>
    public PoisonHandling Poison { get; set; } = PoisonHandling.Park;

    /// <summary>Overrides <see cref="EngineOptions.Capacity"/>.</summary>
    public int? Capacity { get; set; }

    /// <summary>Overrides <see cref="EngineOptions.SoftSession"/>; <see cref="Timeout.InfiniteTimeSpan"/> = never.</summary>
    public TimeSpan? SoftSession { get; set; }

    /// <summary>Overrides <see cref="EngineOptions.HardSession"/>; <see cref="Timeout.InfiniteTimeSpan"/> = never.</summary>
    public TimeSpan? HardSession { get; set; }

    internal void Validate(string aggregate)
    {
        OptionsCheck check = new($"Aggregate '{aggregate}': options");
        if (OnComplete is not null && OnCompleteBatch is not null)
            check.Fail(nameof(OnComplete), "set together with OnCompleteBatch", "must be null then: choose one");
        check.Range(nameof(CompletionBatchSize), CompletionBatchSize, 1, 10_000);
        check.Range(nameof(MaxConcurrentCompletions), MaxConcurrentCompletions, 1, 1_024);
        check.Range(nameof(MaxCompletionAttempts), MaxCompletionAttempts, 1, 1_000);
        check.Range(nameof(CompletionBackoff), CompletionBackoff, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
        check.Range(nameof(MaxCompletionBackoff), MaxCompletionBackoff, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
        check.Defined(nameof(Poison), Poison);
        if (Capacity is { } capacity)
            check.Range(nameof(Capacity), capacity, 1, 50_000_000);
        if (SoftSession != Timeout.InfiniteTimeSpan)
            check.Positive(nameof(SoftSession), SoftSession);
        if (HardSession != Timeout.InfiniteTimeSpan)
            check.Positive(nameof(HardSession), HardSession);
        check.ThrowIfFailed();
    }
}
