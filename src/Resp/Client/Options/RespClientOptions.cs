using System.Globalization;
using System.Text;

namespace Sluice.Resp;

/// <summary>How a <see cref="RespClient"/> reaches its server and what it keeps to. Immutable; its text never holds a password.</summary>
public sealed partial record RespClientOptions
{
    /// <summary>The port that servers listen on unless they are told otherwise.</summary>
    public const int DefaultPort = 6379;

    private const int LargestRing = 1 << 20;
    private const int MostConnections = 64;
    private const int LeastDefaultBurst = 32;

    // Null: as many as the connections ask for.
    private readonly int? _dialBurst;

    /// <summary>Where the server listens. Default <c>localhost:6379</c>, as every server is shipped.</summary>
    public RespEndpoint Endpoint { get; init; } = RespEndpoint.Tcp("localhost", DefaultPort);

    /// <summary>
    /// Connections that commands are spread over, by the hash of their first key; 1 to 64, a power of two. Default 1: the server executes one command at a time
    /// anyway, and one connection gathers the most commands into each write and keeps the order of all of them. More help when values are large (one reader
    /// thread per connection), with TLS, or with servers that use several threads.
    /// </summary>
    public int Connections { get; init; } = 1;

    /// <summary>
    /// Commands that may await their reply on one connection; a power of two, 16 to 1,048,576. Default 4096: at 300,000 commands a second that is 13 ms of work, more than a
    /// round trip within a data centre, and 32 KiB of memory. Above it, commands wait (<see cref="WaitForRoom"/>).
    /// </summary>
    public int RingSize { get; init; } = 4096;

    /// <summary>
    /// How long a command may take unless its call says otherwise, from the call to the reply; 1 ms to 24 days, or <see cref="Timeout.InfiniteTimeSpan"/>. Default 5 s: longer
    /// than a failover within a data centre, shorter than anybody waits for a page. Noticed within 10 ms.
    /// </summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest time for one dial and its handshake; 1 ms to a day. Default 5 s: three losses of a SYN (1 s, 2 s after) still pass.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Silence while something awaits a reply after which the peer counts as gone; zero = never, otherwise at least 10 ms. Default 5 s: a server that is busy with one command
    /// for so long fails everybody's deadline too.
    /// </summary>
    public TimeSpan PeerTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Silence after which an idle server is asked whether it is there; zero = never, otherwise at least 10 ms. Default 1 s: a lost connection is noticed by the
    /// client and not by the first command after lunch, and one PING a second costs nothing.
    /// </summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The first wait before a new dial; more than zero. Default 10 ms: a server that restarts is back at work within that. Doubles up to <see cref="BackoffCap"/>, each a random part between half and all of it.</summary>
    public TimeSpan BackoffFirst { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>The longest wait before a new dial; from <see cref="BackoffFirst"/> to a day. Default 500 ms: useful again within a second of the server's return.</summary>
    public TimeSpan BackoffCap { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How often all connections of this client together may be dialled in a row, and as often again those for blocking commands and watches; at least 1. Default: twice <see cref="Connections"/>, and
    /// 32 at least: every connection of the client at once, and once more when the server loses them right away.
    /// </summary>
    public int DialBurst
    {
        get => _dialBurst ?? Math.Max(LeastDefaultBurst, 2 * Connections);
        init => _dialBurst = value;
    }

    /// <summary>
    /// How many dials a second follow after that while they bring nothing; 0.01 or more. Default 20: a thousand clients that lost a server dial 20,000 times a second at most, which a listen queue
    /// stands. The first connection that is ready again ends the waiting of the others.
    /// </summary>
    public double DialsPerSecond { get; init; } = 20;

    /// <summary>The database; 0 or more. Default 0, the one that all servers have.</summary>
    public int Database { get; init; }

    /// <summary>What the server lists the connections as (CLIENT LIST); printable ASCII without spaces, null: nothing. Default <c>sluice</c>, so that an operator sees whose they are.</summary>
    public string? ClientName { get; init; } = "sluice";

    /// <summary>Who the client is; null (the default): nobody, for a server without passwords. Ignored when <see cref="CredentialsProvider"/> is set.</summary>
    public RespCredentials? Credentials { get; init; }

    /// <summary>Credentials that change; null (the default): <see cref="Credentials"/> stay.</summary>
    public IRespCredentialsProvider? CredentialsProvider { get; init; }

    /// <summary>Asks the server not to close the connections when clients use too much memory (CLIENT NO-EVICT). Default false: it needs a right that applications seldom have; a refusal is ignored.</summary>
    public bool NoEvict { get; init; }

    /// <summary>
    /// Commands wait for a connection while there is none (true, the default) until their time-out, or fail at once as not sent (false). Waiting hides a restart; failing at once is for those who have
    /// something better to do.
    /// </summary>
    public bool WaitForConnection { get; init; } = true;

    /// <summary>Commands wait for room when <see cref="RingSize"/> are in flight (true, the default) until their time-out, or fail at once with <see cref="RespOverloadException"/> (false).</summary>
    public bool WaitForRoom { get; init; } = true;

    /// <summary>How many commands may wait on one connection, for it or for room in it; at least 0. Default 65,536: some seconds of work when the server is away, and a bound when it stays away.</summary>
    public int BacklogCommands { get; init; } = 65_536;

    /// <summary>How many bytes those may have; at least 0. Default 64 MiB.</summary>
    public long BacklogBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Bytes that may wait for the socket on one connection; at least 1,024. Default 16 MiB: more than a socket's buffer by far; above it, commands wait as in a full ring.</summary>
    public long MaxUnsentBytes { get; init; } = 16L * 1024 * 1024;

    /// <summary>
    /// Connections for blocking commands (BLPOP, ...) and WATCH, each of which takes one for itself while it runs; 0 to 10,000. Default 64. They are opened when they are needed and kept; above the
    /// limit, such a command fails at once with <see cref="RespOverloadException"/>.
    /// </summary>
    public int BlockingConnections { get; init; } = 64;

    /// <summary>Which version of the protocol is spoken. Default: the newest that the server knows.</summary>
    public RespProtocolPreference Protocol { get; init; } = RespProtocolPreference.Newest;

    /// <summary>What a server may send. Default <see cref="RespLimits.Default"/>: as much as a real server does.</summary>
    public RespLimits Limits { get; init; } = RespLimits.Default;

    /// <summary>TLS; null (the default): the connection is not encrypted. Ignored when <see cref="Transport"/> is set.</summary>
    public RespTlsOptions? Tls { get; init; }

    /// <summary>What makes connections. Null (the default): the system's sockets, with <see cref="Tls"/> and <see cref="ConnectTimeout"/>.</summary>
    public IRespTransport? Transport { get; init; }

    /// <summary>Seeds the jitter of the back-off; null (the default): a number that differs from process to process, so that they don't dial together.</summary>
    public int? Seed { get; init; }

    /// <summary>Where it goes and as whom, for messages: never the password.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(Endpoint);
        if (Database != 0)
            text.Append(CultureInfo.InvariantCulture, $"/{Database}");
        if (Credentials is not null)
            text.Append(CultureInfo.InvariantCulture, $" as {Credentials}");
        if (CredentialsProvider is not null)
            text.Append(" with rotating credentials");
        if (Tls is not null)
            text.Append(" over TLS");
        return text.ToString();
    }
}
