using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Sluice.Hosting;

/// <summary>From when on the health checks complain.</summary>
/// <remarks>Read at each check. Not thread-safe while it is being filled.</remarks>
public sealed class EngineHealthOptions
{
    /// <summary>
    /// From which age of the oldest pending update on <c>sluice-pending</c> says degraded, 1 ms to 1 day. Null (the default) = ten times <see cref="EngineOptions.FlushInterval"/>, at least 10 s.
    /// </summary>
    public TimeSpan? DegradedAfter { get; set; }

    /// <summary>
    /// After which time <c>sluice-live</c> says unhealthy, because lanes do not advance although every server answers and takes writes: counted from the oldest pending update, or from the last failure of a server if
    /// that was later. 1 s to 1 day. Default 5 minutes.
    /// </summary>
    public TimeSpan StuckAfter { get; set; } = TimeSpan.FromMinutes(5);

    internal void Validate()
    {
        if (DegradedAfter is { } degraded && (degraded < TimeSpan.FromMilliseconds(1) || degraded > TimeSpan.FromDays(1)))
            throw new OptionsException($"{nameof(EngineHealthOptions)}.{nameof(DegradedAfter)} is {degraded}; it must be 1 ms to 1 day, or null.");
        if (StuckAfter < TimeSpan.FromSeconds(1) || StuckAfter > TimeSpan.FromDays(1))
            throw new OptionsException($"{nameof(EngineHealthOptions)}.{nameof(StuckAfter)} is {StuckAfter}; it must be 1 s to 1 day.");
    }
}

/// <summary>
/// Ready: has started, servers answer and take writes, no source is cut off. Live: no lane has ended by a fault or stands still although servers do; an engine whose server is away, or refuses writes, or is back
/// for less than the limit, is alive, because a restart would lose what it keeps. Pending: how old the oldest update is that the coordinator does not have.
/// </summary>
internal sealed class EngineHealthCheck(HostedEngine engine, string kind, EngineHealthOptions options) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        EngineHealth health = await engine.CheckHealthAsync(cancellationToken).ConfigureAwait(false);
        Dictionary<string, object> facts = new(StringComparer.Ordinal)
        {
            ["pendingAge"] = health.OldestPendingAge,
            ["unreachable"] = health.Unreachable.Length,
            ["failingLanes"] = health.FailingLanes,
            ["faultedLanes"] = health.FaultedLanes,
            ["fencedSources"] = health.FencedSources,
        };
        return kind switch
        {
            "sluice-ready" => Of(context, Unready(health), facts),
            "sluice-live" => Of(context, Dead(health), facts),
            _ => health.OldestPendingAge > Limit
                ? HealthCheckResult.Degraded($"The oldest update that the coordinator does not have is {health.OldestPendingAge} old.", data: facts)
                : HealthCheckResult.Healthy(data: facts),
        };
    }

    private TimeSpan Limit => options.DegradedAfter
        ?? (engine.Options.FlushInterval * 10 is { } ten && ten > TimeSpan.FromSeconds(10) ? ten : TimeSpan.FromSeconds(10));

    private static HealthCheckResult Of(HealthCheckContext context, string? fault, Dictionary<string, object> facts) =>
        fault is null ? HealthCheckResult.Healthy(data: facts) : new HealthCheckResult(context.Registration.FailureStatus, fault, data: facts);

    private static string? Unready(EngineHealth health) => health switch
    {
        { IsRunning: false } => "The engine has not started, or is stopping.",
        { Unreachable: [var server, ..] } => $"{server.Server} does not answer: {server.Reason}",
        { FailingLanes: > 0 } => $"{health.FailingLanes} lanes can't flush and try again: {health.FlushFailure}",
        { FencedSources: > 0 } => $"{health.FencedSources} sources are cut off, because the engine was away and has been replaced: their consumers have to open new ones.",
        _ => null,
    };

    private string? Dead(EngineHealth health) => health switch
    {
        { FaultedLanes: > 0 } => $"{health.FaultedLanes} lanes have ended by a fault: what they had taken is not flushed any more. Restart the process.",
        { IsRunning: true, Unreachable: [], FailingLanes: 0 } when health.OldestPendingAge > options.StuckAfter && !(health.LastFailureAge <= options.StuckAfter) =>
            $"An update has been waiting for {health.OldestPendingAge} although every server answers.",
        _ => null,
    };
}
