using System.Diagnostics.Metrics;
using Sluice.Diagnostics;

namespace Sluice.Dogpiling;

/// <summary>A cache's instruments, under the engine's meter; every measurement is tagged with <c>sluice.region</c>. <c>docs/metrics.md</c> lists them.</summary>
internal sealed class DogpileMetrics : IDisposable
{
    private readonly Meter _meter = new(EngineMetrics.Name);
    private readonly KeyValuePair<string, object?> _region;
    private readonly Histogram<double> _creation;
    private readonly Counter<long> _leasesLost;
    private readonly Counter<long> _mutexFailures;
    private readonly Counter<long> _storeFailures;

    public DogpileMetrics(string region, Func<DogpileCacheCounters> counters)
    {
        _region = new("sluice.region", region);
        _creation = _meter.CreateHistogram<double>("sluice.dogpile.creation.duration", "s", "How long factories took that ended with a value.");
        _leasesLost = _meter.CreateCounter<long>("sluice.dogpile.leases_lost", "{lease}", "Creations whose right to create was lost to somebody else: raise the heartbeat.");
        _mutexFailures = _meter.CreateCounter<long>("sluice.dogpile.mutex_failures", "{creation}", "Creations that kept nobody away, because the mutex could not be asked, and leases that could not be given back.");
        _storeFailures = _meter.CreateCounter<long>("sluice.dogpile.store_failures", "{request}", "Reads and writes that the store failed.");
        _meter.CreateObservableUpDownCounter("sluice.dogpile.entries", () => Measured(counters().Entries), "{value}", "Values in memory.");
        _meter.CreateObservableCounter("sluice.dogpile.created", () => Measured(counters().Created), "{value}", "Factories that ended with a value.");
        _meter.CreateObservableCounter("sluice.dogpile.failed", () => Measured(counters().Failed), "{creation}", "Factories that ended with an exception.");
        _meter.CreateObservableCounter("sluice.dogpile.served_stale", () => Measured(counters().ServedStale), "{call}", "Callers that got a value beyond its expiry.");
        _meter.CreateObservableCounter("sluice.dogpile.evicted", () => Measured(counters().Evicted), "{value}", "Values that left for lack of room: raise the capacity.");
    }

    public void Created(TimeSpan duration) => _creation.Record(duration.TotalSeconds, _region);

    public void LeaseLost() => _leasesLost.Add(1, _region);

    public void MutexFailed() => _mutexFailures.Add(1, _region);

    public void StoreFailed() => _storeFailures.Add(1, _region);

    public void Dispose() => _meter.Dispose();

    private Measurement<long> Measured(long value) => new(value, _region);
}
