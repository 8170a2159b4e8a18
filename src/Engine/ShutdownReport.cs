using System.Globalization;

namespace Sluice;

/// <summary>What an engine left behind when it stopped.</summary>
/// <param name="Elapsed">How long it took.</param>
/// <param name="UnsettledUpdates">
/// Flush items that the coordinator did not acknowledge before the deadline, and sessions that could not be handed to it at all; 0 in a clean stop.
/// </param>
/// <param name="UnfinishedCompletions">Sessions that the handler was still working on: another engine completes them when their claims run out.</param>
/// <param name="UncompletedSessions">
/// With a coordinator that ends with the process: sessions that are sealed or due and were not completed (the sink failed until the deadline, or no
/// engine has a handler). They are lost with the process. An engine without a handler counts them only if the coordinator is its own: on a shared one
/// it can't know who completes them, so stop the engines that complete last.
/// </param>
/// <param name="DeadLetters">Dead letters and parked sessions that this engine's aggregates have.</param>
public sealed record ShutdownReport(TimeSpan Elapsed, int UnsettledUpdates, int UnfinishedCompletions, int UncompletedSessions, int DeadLetters)
{
    /// <summary>True when everything that was merged has been handed over, and nothing that only this process knew is lost.</summary>
    public bool IsClean => UnsettledUpdates == 0 && UnfinishedCompletions == 0 && UncompletedSessions == 0;

    /// <summary>One line for a log.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(IsClean ? "clean" : "NOT CLEAN")} after {Elapsed.TotalSeconds:0.000} s: {UnsettledUpdates} unsettled updates, {UnfinishedCompletions} unfinished completions, {UncompletedSessions} uncompleted sessions, {DeadLetters} dead letters.");
}
