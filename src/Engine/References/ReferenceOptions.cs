namespace Sluice;

/// <summary>How the callbacks of one set of references run in one engine.</summary>
public sealed class ReferenceOptions
{
    /// <summary>How many callbacks that nobody waits for run at the same time, 1 to 1,024: those that this engine took over, and those of a stop. Whoever releases has theirs at once. Default 4.</summary>
    public int MaxConcurrentCallbacks { get; set; } = 4;

    /// <summary>After how many tries it becomes a dead letter, 1 to 1,000. Default 10: with the back-off, about two minutes.</summary>
    public int MaxAttempts { get; set; } = 10;

    /// <summary>The pause after the first failure; it doubles each time. 1 ms to 1 hour. Default 200 ms.</summary>
    public TimeSpan Backoff { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause between two tries, 1 ms to 1 day. Default 30 s.</summary>
    public TimeSpan MaxBackoff { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>What becomes of a resource whose callback never succeeded. Default: the callbacks of its later generations wait.</summary>
    public PoisonHandling Poison { get; set; } = PoisonHandling.Park;

    internal void Validate(string set)
    {
        OptionsCheck check = new($"References '{set}': options");
        check.Range(nameof(MaxConcurrentCallbacks), MaxConcurrentCallbacks, 1, 1_024);
        check.Range(nameof(MaxAttempts), MaxAttempts, 1, 1_000);
        check.Range(nameof(Backoff), Backoff, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
        check.Range(nameof(MaxBackoff), MaxBackoff, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
        check.Defined(nameof(Poison), Poison);
        check.ThrowIfFailed();
    }
}
