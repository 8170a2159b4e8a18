using System.Diagnostics;
using System.Diagnostics.Metrics;
using Sluice.Flushing;
using Sluice.Referencing;
using Sluice.Running;

namespace Sluice.Diagnostics;

/// <summary>
/// The engine's instruments, under the meter <c>Sluice</c> and the activity source <c>Sluice</c>; every measurement of an aggregate is tagged with
/// <c>sluice.aggregate</c>. <c>docs/metrics.md</c> lists them.
/// </summary>
internal sealed class EngineMetrics : IDisposable
{
    public const string Name = "Sluice";

    public static ActivitySource Activities { get; } = new(Name);

    private readonly Meter _meter = new(Name);

    /// <summary>For tests, which tell engines apart by it.</summary>
    internal Meter Meter => _meter;

    /// <param name="runtimes">The aggregates.</param>
    /// <param name="epochs">What is not flushed yet.</param>
    /// <param name="heldLocks">How many locks the engine holds.</param>
    public EngineMetrics(Func<IEnumerable<AggregateRuntime>> runtimes, FlushEpochs epochs, Func<long> heldLocks)
    {
        Locks = new LockMetrics(_meter, heldLocks);
        Batches = _meter.CreateCounter<long>("sluice.flush.batches", "{batch}", "Batches that the coordinator acknowledged.");
        Items = _meter.CreateCounter<long>("sluice.flush.items", "{item}", "Resources in acknowledged batches: the writes that the updates became.");
        Duplicates = _meter.CreateCounter<long>("sluice.flush.duplicates", "{batch}", "Batches that the coordinator had already: retries that changed nothing.");
        Retries = _meter.CreateCounter<long>("sluice.flush.retries", "{request}", "Requests that were sent again.");
        Fenced = _meter.CreateCounter<long>("sluice.flush.reincarnations", "{incarnation}", "Times that a lane began a new life; tagged with the cause.");
        Replayed = _meter.CreateCounter<long>("sluice.flush.replayed", "{batch}", "Batches sent again because the server had lost them.");
        Lost = _meter.CreateCounter<long>("sluice.flush.lost", "{range}", "Reported losses; tagged with the cause. Page on this.");
        Refused = _meter.CreateCounter<long>("sluice.flush.refused", "{item}", "Deltas that could not be merged and became dead letters.");
        Attempts = _meter.CreateCounter<long>("sluice.completion.attempts", "{session}", "Sessions handed to the completion handler.");
        Completed = _meter.CreateCounter<long>("sluice.completion.completed", "{session}", "Sessions that the sink took and the coordinator forgot.");
        Failed = _meter.CreateCounter<long>("sluice.completion.failed", "{session}", "Sessions given back after a failure.");
        DeadLetters = _meter.CreateCounter<long>("sluice.completion.dead_letters", "{session}", "Sessions given up after the last attempt. Page on this.");
        ClaimsLost = _meter.CreateCounter<long>("sluice.completion.claims_lost", "{session}", "Claims that somebody else took over while the handler ran.");
        ReferencesLost = _meter.CreateCounter<long>("sluice.references.lost", "{reference}", "References that were lost while the engine was away, and were taken anew.");
        _meter.CreateObservableUpDownCounter("sluice.references.held", () => Each(runtimes, static r => (long)r.Cache.Count, static r => r.Cache is ReferenceTable), "{resource}", "Resources that this engine references.");
        _meter.CreateObservableCounter("sluice.merge.events", () => Each(runtimes, static r => r.Cache.Counters.Merges, IsCache), "{event}", "Events merged.");
        _meter.CreateObservableCounter("sluice.merge.refused", () => Each(runtimes, static r => r.Cache.Counters.Refused, IsCache), "{event}", "Events refused because there was no room.");
        _meter.CreateObservableCounter("sluice.cache.created", () => Each(runtimes, static r => r.Cache.Counters.Created, IsCache), "{session}", "Local sessions begun.");
        _meter.CreateObservableCounter("sluice.cache.evicted", () => Each(runtimes, static r => r.Cache.Counters.Evicted, IsCache), "{session}", "Local sessions ended for lack of room: raise the capacity.");
        _meter.CreateObservableUpDownCounter("sluice.cache.entries", () => Each(runtimes, static r => (long)r.Cache.Count, IsCache), "{session}", "Local sessions in memory.");
        _meter.CreateObservableUpDownCounter("sluice.flush.pending", () => Each(runtimes, static r => (long)r.InFlight), "{item}", "Items on their way to the coordinator.");
        _meter.CreateObservableGauge("sluice.flush.pending.age", () => epochs.OldestPendingAge.TotalSeconds, "s", "Age of the oldest update that the coordinator doesn't have. Page on this.");
    }

    public LockMetrics Locks { get; }

    public Counter<long> Batches { get; }

    public Counter<long> Items { get; }

    public Counter<long> Duplicates { get; }

    public Counter<long> Retries { get; }

    public Counter<long> Fenced { get; }

    public Counter<long> Replayed { get; }

    public Counter<long> Lost { get; }

    public Counter<long> Refused { get; }

    public Counter<long> Attempts { get; }

    public Counter<long> Completed { get; }

    public Counter<long> Failed { get; }

    public Counter<long> DeadLetters { get; }

    public Counter<long> ClaimsLost { get; }

    public Counter<long> ReferencesLost { get; }

    public static KeyValuePair<string, object?> Tag(string aggregate) => new("sluice.aggregate", aggregate);

    public static KeyValuePair<string, object?> Cause(string cause) => new("sluice.cause", cause);

    public void Dispose() => _meter.Dispose();

    /// <summary>References have no merge cache.</summary>
    private static bool IsCache(AggregateRuntime runtime) => runtime.Cache is not ReferenceTable;

    private static IEnumerable<Measurement<long>> Each(
        Func<IEnumerable<AggregateRuntime>> runtimes, Func<AggregateRuntime, long> measure, Func<AggregateRuntime, bool>? isMeasured = null) =>
        runtimes().Where(runtime => isMeasured?.Invoke(runtime) ?? true).Select(runtime => new Measurement<long>(measure(runtime), Tag(runtime.Space.Schema.Name)));
}
