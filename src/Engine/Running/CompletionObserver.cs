using Sluice.Completing;
using Sluice.Diagnostics;

namespace Sluice.Running;

/// <summary>Turns what happens to completions into metrics and log lines.</summary>
internal sealed class CompletionObserver(AggregateRuntime runtime) : ICompletionObserver
{
    private KeyValuePair<string, object?> Tag => EngineMetrics.Tag(Aggregate);

    private string Aggregate => runtime.Space.Schema.Name;

    public void OnAttempt(int sessions) => runtime.Engine.Metrics.Attempts.Add(sessions, Tag);

    public void OnCompleted(int sessions)
    {
        runtime.CountCompletions(sessions);
        runtime.Engine.Metrics.Completed.Add(sessions, Tag);
    }

    public void OnFailed(ClaimedWork work, bool isDeadLetter)
    {
        runtime.Engine.Metrics.Failed.Add(1, Tag);
        if (isDeadLetter)
        {
            runtime.Engine.Metrics.DeadLetters.Add(1, Tag);
            runtime.Engine.Logger.DeadLettered(Aggregate, work.Partition, work.Session.Attempt, work.Failure!);
        }
        else
        {
            runtime.Engine.Logger.CompletionFailed(Aggregate, work.Partition, work.Session.Attempt, work.Failure!);
        }
    }

    public void OnClaimLost(ClaimedWork work)
    {
        runtime.Engine.Metrics.ClaimsLost.Add(1, Tag);
        runtime.Engine.Logger.ClaimLost(Aggregate, work.Partition);
    }

    public void OnCallbackThrew(ClaimedWork work, Exception error) => runtime.Engine.Logger.CallbackThrew(error, Aggregate, work.Partition);

    public void OnError(int partition, Exception error)
    {
        runtime.Engine.Metrics.Retries.Add(1, Tag);
        runtime.Engine.Logger.Retrying(error, Aggregate, partition, 1);
    }
}
