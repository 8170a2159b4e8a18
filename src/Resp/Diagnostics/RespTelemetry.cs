using System.Diagnostics;
using System.Diagnostics.Metrics;
using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp.Diagnostics;

/// <summary>
/// What the client tells of itself: the meter and the activity source <c>Sluice.Resp</c>, named after OpenTelemetry's conventions for databases where they have a name. Costs one look at two
/// flags per command while nobody listens.
/// </summary>
internal static class RespTelemetry
{
    public const string Name = "Sluice.Resp";

    private static readonly string? Version = typeof(RespTelemetry).Assembly.GetName().Version?.ToString(3);
    private static readonly Meter Meter = new(Name, Version);
    private static readonly Lock Gate = new();
    private static RespClient[] clients = [];

    /// <summary>Spans of commands.</summary>
    public static ActivitySource Source { get; } = new(Name, Version);

    /// <summary>Seconds from call to result.</summary>
    public static Histogram<double> OperationDuration { get; } = Meter.CreateHistogram(
        "db.client.operation.duration",
        "s",
        "How long commands take from the call to the result.",
        tags: null,
        new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] });

    /// <summary>Seconds from the dial to the last reply of the handshake.</summary>
    private static Histogram<double> CreateTime { get; } = Meter.CreateHistogram(
        "db.client.connection.create_time",
        "s",
        "How long connections took that became ready, TLS and the server's greeting included.",
        tags: null,
        new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] });

    static RespTelemetry()
    {
        // They ask when they are asked; nothing is counted for them.
        Meter.CreateObservableUpDownCounter("db.client.connection.count", () => Observe(CountConnections), "{connection}", "Connections that are open, by what they do.");
        Meter.CreateObservableUpDownCounter("db.client.connection.max", () => Observe(static client => [new(client.Options.Connections + client.Options.BlockingConnections + 1, client.PoolTag)]), "{connection}", "Connections that may be open.");
        Meter.CreateObservableUpDownCounter("db.client.connection.pending_requests", () => ObserveLinks(static link => link.Snapshot().Backlog), "{request}", "Commands that wait for a connection, or for room on it.");
        Meter.CreateObservableGauge("sluice.resp.in_flight", () => ObserveLinks(static link => link.Snapshot().InFlight), "{command}", "Commands that await their reply.");
        Meter.CreateObservableGauge("sluice.resp.unsent", () => ObserveLinks(static link => link.Snapshot().UnsentBytes), "By", "Bytes that wait for the socket.");
        Meter.CreateObservableGauge("sluice.resp.undispatched", () => ObserveLinks(static link => link.Snapshot().UndispatchedReplies), "{reply}", "Replies that came and whose callers have not run.");
        Meter.CreateObservableCounter("sluice.resp.rescues", () => ObserveLinks(static link => link.Snapshot().Rescues), "{rescue}", "Threads that were lent because the thread pool did not start callers, or one blocked.");
        Meter.CreateObservableCounter("sluice.resp.writes", () => ObserveLinks(static link => link.Writes), "{write}", "Turns of the writer: commands over writes is how many leave together.");
        Meter.CreateObservableCounter("sluice.resp.reads", () => ObserveLinks(static link => link.Reads), "{read}", "Reads that brought something.");
        Meter.CreateObservableCounter("sluice.resp.openings", () => ObserveLinks(static link => link.Openings), "{connection}", "Connections that became ready, the first ones included.");
    }

    /// <summary>True when somebody measures commands.</summary>
    public static bool IsListening => OperationDuration.Enabled || Source.HasListeners();

    /// <summary>A connection became ready.</summary>
    public static void Created(TimeSpan took, KeyValuePair<string, object?> pool)
    {
        try
        {
            CreateTime.Record(took.TotalSeconds, pool);
        }
        catch (Exception)
        {
            // A listener's own failure must not cost the connection.
        }
    }

    /// <summary>The gauges tell of this client too.</summary>
    public static void Add(RespClient client)
    {
        lock (Gate)
            clients = [.. clients, client];
    }

    /// <summary>And no more.</summary>
    public static void Remove(RespClient client)
    {
        lock (Gate)
            clients = [.. clients.Where(other => !ReferenceEquals(other, client))];
    }

    private static IEnumerable<Measurement<long>> Observe(Func<RespClient, Measurement<long>[]> look)
    {
        foreach (RespClient client in Volatile.Read(ref clients))
        {
            foreach (Measurement<long> measurement in look(client))
                yield return measurement;
        }
    }

    private static IEnumerable<Measurement<long>> ObserveLinks(Func<RespLink, long> look)
    {
        foreach (RespClient client in Volatile.Read(ref clients))
        {
            foreach (ClientLink link in client.CommandLinks)
                yield return new(look(link.Link), client.PoolTag, new KeyValuePair<string, object?>("sluice.resp.link", link.Name));
        }
    }

    private static Measurement<long>[] CountConnections(RespClient client)
    {
        int used = 0;
        foreach (ClientLink link in client.CommandLinks)
            used += link.Link.Current is null ? 0 : 1;
        (int blocking, int idle) = client.CountBlocking();
        return
        [
            new(used + blocking, client.PoolTag, new KeyValuePair<string, object?>("db.client.connection.state", "used")),
            new(idle, client.PoolTag, new KeyValuePair<string, object?>("db.client.connection.state", "idle")),
        ];
    }
}
