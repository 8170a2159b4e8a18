using System.Collections.Immutable;

namespace Sluice;

/// <summary>How an engine was, when it was asked (<see cref="SluiceEngine.CheckHealthAsync"/>).</summary>
/// <param name="IsRunning">It has started and nobody has stopped it.</param>
/// <param name="Unreachable">Servers that gave no sign of life; empty without servers. Updates stay in memory meanwhile.</param>
/// <param name="OldestPendingAge">Age of the oldest update that the coordinator does not have; 0 = it has everything. Normally below twice <see cref="EngineOptions.FlushInterval"/>.</param>
/// <param name="FaultedLanes">Lanes that ended by a fault of the engine: what they had taken is not flushed any more. Restart the process.</param>
/// <param name="FencedSources">Open sources that are cut off, because the engine was away and has been replaced (<see cref="OnFenced.Discard"/>): their consumers have to open new ones.</param>
public sealed record EngineHealth(bool IsRunning, ImmutableArray<UnreachableServer> Unreachable, TimeSpan OldestPendingAge, int FaultedLanes, int FencedSources)
{
    /// <summary>Lanes whose last request was not answered, or refused (the server's memory is full, it takes no writes): they try again, and keep what they have. A server may answer <c>PING</c> all the while.</summary>
    public int FailingLanes { get; init; }

    /// <summary>What one of those was told; null without any.</summary>
    public string? FlushFailure { get; init; }

    /// <summary>
    /// How long ago a request to the coordinator failed the last time, or a server gave no sign of life when it was asked; null: never. An update that is older than that has waited for the coordinator, and not for
    /// this engine.
    /// </summary>
    public TimeSpan? LastFailureAge { get; init; }
}

/// <summary>A server that gave no sign of life.</summary>
/// <param name="Server">Its address, without credentials.</param>
/// <param name="Reason">What the client says about it.</param>
public sealed record UnreachableServer(string Server, string Reason);
