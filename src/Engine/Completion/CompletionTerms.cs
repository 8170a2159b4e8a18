using Sluice.Coordination;

namespace Sluice.Completing;

/// <summary>How an engine completes the sessions of one aggregate.</summary>
internal sealed record CompletionTerms
{
    /// <summary>Units of work at the same time.</summary>
    public required int Concurrency { get; init; }

    /// <summary>Sessions of one bulk completion; 0 = the handler takes them one by one.</summary>
    public required int BulkSize { get; init; }

    public required int MaxAttempts { get; init; }

    public required TimeSpan FirstBackoff { get; init; }

    public required TimeSpan LastBackoff { get; init; }

    public required TimeSpan ClaimLease { get; init; }

    public required TimeSpan DurabilityWindow { get; init; }

    public required PoisonRule Poison { get; init; }

    public required int DeadLetterLimit { get; init; }

    public TimeSpan BackoffOf(int attempt)
    {
        double factor = Math.Pow(2, Math.Min(attempt - 1, 30));
        return factor * FirstBackoff.TotalSeconds >= LastBackoff.TotalSeconds ? LastBackoff : FirstBackoff * factor;
    }
}

/// <summary>How the work on a claim ended.</summary>
internal enum WorkOutcome
{
    /// <summary>It did not: the engine was stopped, or dropped it because of an error. The claim runs out, and somebody else goes on.</summary>
    Unsettled,

    /// <summary>The handler succeeded, and the coordinator has forgotten the session.</summary>
    Completed,

    /// <summary>The handler failed; another attempt follows.</summary>
    WillRetry,

    /// <summary>The handler failed for the last time.</summary>
    DeadLettered,

    /// <summary>Somebody else had taken over.</summary>
    Lost,
}

/// <summary>A claimed session on its way through the handler.</summary>
internal sealed class ClaimedWork(int partition, ClaimedSession session)
{
    /// <summary>The most characters of an error that travel with a session.</summary>
    public const int LongestFailure = 512;

    private readonly CancellationTokenSource _lost = new();

    public int Partition { get; } = partition;

    public ClaimedSession Session { get; private set; } = session;

    /// <summary>True when the session's record is not the one that the claim showed, but one with merged opaque deltas, as the coordinator has it.</summary>
    public bool IsFolded { get; private set; }

    /// <summary>No two claims of one aggregate have the same.</summary>
    public (int Partition, ClaimTicket Ticket) Identity => (Partition, Ticket);

    public ClaimTicket Ticket => new(Session.Resource, Session.Generation, Session.Token);

    /// <summary>Cancelled when the claim was lost, or the engine stops and can't wait any longer.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>How it ended, once it has.</summary>
    public WorkOutcome Outcome { get; set; }

    /// <summary>Why the handler failed; null when it succeeded.</summary>
    public string? Failure { get; set; }

    /// <summary>Takes the record that the coordinator has stored since the claim.</summary>
    public void Fold(ReadOnlyMemory<byte> fields)
    {
        Session = Session with { Fields = fields };
        IsFolded = true;
    }

    /// <summary>Says that code of the application's threw.</summary>
    public void Fail(Exception error)
    {
        string text = TextOf(error);
        if (error is OpaqueStateException { InnerException: { } cause })
            text = $"{text} {TextOf(cause)}";
        Failure = text.Length <= LongestFailure ? text : text[..LongestFailure];
    }

    private static string TextOf(Exception error)
    {
        string message;
        try
        {
            message = error.Message;
        }
        catch (Exception)
        {
            message = "(no message: it threw too)";
        }

        return $"{error.GetType().Name}: {message}";
    }

    /// <summary>Says that the claim is gone, at once; the task is the application's cancellation callbacks, which run elsewhere and may throw.</summary>
    public Task LoseAsync() => _lost.CancelAsync();
}

/// <summary>The application's handler, with types: decodes the sessions and runs the user's code.</summary>
internal interface ICompletionHandler
{
    /// <summary>Runs the handler for one session, or for a bulk; sets <see cref="ClaimedWork.Failure"/> where it did not succeed. Does not throw.</summary>
    ValueTask RunAsync(IReadOnlyList<ClaimedWork> work);
}

/// <summary>What happens to completions, for metrics and logs.</summary>
internal interface ICompletionObserver
{
    void OnAttempt(int sessions);

    void OnCompleted(int sessions);

    void OnFailed(ClaimedWork work, bool isDeadLetter);

    /// <summary>The claim had been taken over: the session is delivered by somebody else too.</summary>
    void OnClaimLost(ClaimedWork work);

    void OnError(int partition, Exception error);

    /// <summary>A callback that the application had registered with a handler's token threw.</summary>
    void OnCallbackThrew(ClaimedWork work, Exception error);
}
