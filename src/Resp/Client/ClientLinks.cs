using Sluice.Resp.Connection;
using Sluice.Resp.Diagnostics;

namespace Sluice.Resp.Client;

/// <summary>A link of a client with what belongs to it.</summary>
/// <param name="Name">What it is for: "commands 0", "messages", "blocking".</param>
internal sealed record ClientLink(string Name, RespLink Link, HelloHandshake Handshake, LinkListeners Listeners);

/// <summary>Makes the links of one client: what the options say, in the terms of the connection.</summary>
internal sealed class ClientLinks
{
    // One command at a time, or one caller's few.
    private const int OwnRingSize = 256;

    private readonly RespClientOptions _options;
    private readonly IRespTransport _transport;
    private readonly DialBudget _dials;
    private readonly DialBudget _ownDials;
    private readonly int _seed;
    private readonly Action<TimeSpan> _onReady;
    private int _made;

    public ClientLinks(RespClientOptions options)
    {
        _options = options;
        _transport = options.Transport ?? new RespSocketTransport(new RespTransportOptions { ConnectTimeout = options.ConnectTimeout, Tls = options.Tls });
        _dials = new DialBudget(options.DialBurst, options.DialsPerSecond);
        _ownDials = new DialBudget(options.DialBurst, options.DialsPerSecond);
        Credentials = new CredentialsSource(options);
        KeyValuePair<string, object?> pool = PoolTag = new KeyValuePair<string, object?>("db.client.connection.pool.name", options.Database == 0 ? options.Endpoint.ToString() : $"{options.Endpoint}/{options.Database}");
        _onReady = took => RespTelemetry.Created(took, pool);
#pragma warning disable CA5394 // jitter, not a secret
        _seed = options.Seed ?? Random.Shared.Next();
#pragma warning restore CA5394
    }

    /// <summary>Whom all links authenticate as.</summary>
    public CredentialsSource Credentials { get; }

    /// <summary>Which client a measurement is of.</summary>
    public KeyValuePair<string, object?> PoolTag { get; }

    /// <summary>A link for commands.</summary>
    public ClientLink ForCommands(int index) => Make($"commands {index}", watchesPeer: true);

    /// <summary>A link for messages.</summary>
    public ClientLink ForMessages()
    {
        HelloHandshake handshake = new(_options, Credentials);
        LinkListeners listeners = new();
        return new ClientLink("messages", new RespLink(SubscriptionReconciler.TermsOf(TermsOf("messages", handshake, watchesPeer: true)), listeners), handshake, listeners);
    }

    /// <summary>A link for one blocking command at a time: silence is its nature, so only the kernel watches the peer.</summary>
    public ClientLink ForBlocking() => Make("blocking", watchesPeer: false);

    /// <summary>The terms of a link, for those who make their own.</summary>
    public LinkTerms TermsOf(string name, HelloHandshake handshake, bool watchesPeer)
    {
        return new LinkTerms
        {
            Endpoint = _options.Endpoint,
            Transport = _transport,
            Handshake = handshake,
            // Up to thousands of connections of their own must not stand in front of the few that everybody waits for.
            Dials = watchesPeer ? _dials : _ownDials,
            Connection = new ConnectionTerms
            {
                RingSize = watchesPeer ? _options.RingSize : Math.Min(OwnRingSize, _options.RingSize),
                MaxUnsentBytes = _options.MaxUnsentBytes,
                Limits = _options.Limits,
                PingAfter = watchesPeer ? Milliseconds(_options.PingAfter) : 0,
                PeerTimeout = watchesPeer ? Milliseconds(_options.PeerTimeout) : 0,
            },
            BackoffFirst = _options.BackoffFirst,
            BackoffCap = _options.BackoffCap,
            ConnectTimeout = _options.ConnectTimeout,
            CommandTimeout = Milliseconds(_options.CommandTimeout),
            BacklogCommands = _options.BacklogCommands,
            BacklogBytes = _options.BacklogBytes,
            WaitsForConnection = _options.WaitForConnection,
            WaitsForRoom = _options.WaitForRoom,
            OnReady = _onReady,
            Seed = _seed + Interlocked.Increment(ref _made),
            Name = $"{_options.Endpoint} {name}",
        };
    }

    private ClientLink Make(string name, bool watchesPeer)
    {
        HelloHandshake handshake = new(_options, Credentials);
        LinkListeners listeners = new();
        return new ClientLink(name, new RespLink(TermsOf(name, handshake, watchesPeer), listeners), handshake, listeners);
    }

    private static int Milliseconds(TimeSpan span) => span == Timeout.InfiniteTimeSpan ? -1 : (int)Math.Ceiling(span.TotalMilliseconds);
}
