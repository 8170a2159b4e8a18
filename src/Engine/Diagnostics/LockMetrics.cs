using System.Diagnostics.Metrics;
using Sluice.Locking;

namespace Sluice.Diagnostics;

/// <summary>The instruments of an engine's locks. Nothing is tagged with names of locks: there may be millions. Any thread; costs nothing while nobody listens.</summary>
internal sealed class LockMetrics
{
    private static readonly KeyValuePair<string, object?> Granted = Outcome("granted");
    private static readonly KeyValuePair<string, object?> Refused = Outcome("refused");
    private static readonly KeyValuePair<string, object?> Cancelled = Outcome("cancelled");
    private static readonly KeyValuePair<string, object?> Failed = Outcome("failed");
    private static readonly KeyValuePair<string, object?> Alive = Outcome("renewed");
    private static readonly KeyValuePair<string, object?> Dead = Outcome("lost");

    private readonly Counter<long> _acquisitions;
    private readonly Histogram<double> _wait;
    private readonly Counter<long> _lost;
    private readonly Counter<long> _renewals;

    public LockMetrics(Meter meter, Func<long> held)
    {
        _acquisitions = meter.CreateCounter<long>("sluice.locks.acquisitions", "{acquisition}", "Acquisitions that ended; tagged with the outcome.");
        _wait = meter.CreateHistogram<double>("sluice.locks.wait", "s", "How long acquisitions took that were granted and had to ask.");
        _lost = meter.CreateCounter<long>("sluice.locks.lost", "{lock}", "Locks that were lost before they were released. Page on this.");
        _renewals = meter.CreateCounter<long>("sluice.locks.renewals", "{renewal}", "Signs of life of sessions; tagged with the outcome.");
        meter.CreateObservableUpDownCounter("sluice.locks.held", held, "{lock}", "Locks that are held.");
    }

    /// <summary>Granted without having asked anybody.</summary>
    public void Taken() => _acquisitions.Add(1, Granted);

    public void Ended(bool isGranted, TimeSpan after)
    {
        _acquisitions.Add(1, isGranted ? Granted : Refused);
        if (isGranted)
            _wait.Record(after.TotalSeconds);
    }

    public void Threw(bool isCancelled) => _acquisitions.Add(1, isCancelled ? Cancelled : Failed);

    public void Lost(int count)
    {
        if (count != 0)
            _lost.Add(count);
    }

    public void Renewed(Renewal renewal) => _renewals.Add(1, renewal.Reply is not { } reply ? Failed : reply.IsAlive ? Alive : Dead);

    private static KeyValuePair<string, object?> Outcome(string outcome) => new("sluice.outcome", outcome);
}
