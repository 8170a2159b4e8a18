using System.Collections;
using Sluice.Resp;

namespace Sluice;

/// <summary>What an engine does at its start while a server can't be reached.</summary>
public enum RedisStart
{
    /// <summary>Fails (the default): a wrong address is noticed at once.</summary>
    Fail,

    /// <summary>Waits until every server can be reached, or the start is cancelled.</summary>
    Wait,

    /// <summary>Starts, merges, and keeps everything in memory until the server is there; how much, is <see cref="EngineOptions.Capacity"/>. What is wrong with a server is logged when it is there.</summary>
    Degrade,
}

/// <summary>What is asked of a server that would lose what it holds when it restarts.</summary>
public enum RedisPersistence
{
    /// <summary>A warning is logged (the default).</summary>
    Warn,

    /// <summary>The engine does not start.</summary>
    Require,

    /// <summary>Nothing: whoever set it up knows.</summary>
    Ignore,
}

/// <summary>
/// The servers that coordinate engines, and how they are used. A collection, so that it can be written as <c>Redis = { "redis://a", "redis://b" }</c>.
/// </summary>
/// <remarks>
/// With several servers each partition lives on one of them, chosen by its number and the servers' names: a server that is down stops its partitions and no others. All
/// processes have to name the same servers by the same names, in any order. Not thread-safe; has no effect after the start.
/// </remarks>
public sealed class RedisOptions : IEnumerable<RespClientOptions>
{
    private readonly List<RespClientOptions> _servers = [];

    /// <summary>How many servers there are; 0 = none: the engine coordinates itself.</summary>
    public int Count => _servers.Count;

    /// <summary>What to do at the start while a server can't be reached. Default: fail.</summary>
    public RedisStart Start { get; set; } = RedisStart.Fail;

    /// <summary>What is asked of a server's persistence. Default: a warning when there is none.</summary>
    public RedisPersistence Persistence { get; set; } = RedisPersistence.Warn;

    /// <summary>
    /// How many replicas must have a batch before it counts as acknowledged, and a sealed session before it is handed out, 0 to 16. Default 0: durability is that of the one server (see
    /// <see cref="EngineOptions.DurabilityWindow"/>). With replicas, nothing that was acknowledged is lost in a failover to one of them.
    /// </summary>
    public int WaitReplicas { get; set; }

    /// <summary>How long replicas are waited for before the batch is sent again, 10 ms to 1 minute. Default 1 s.</summary>
    public TimeSpan WaitTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Connections per server that batches are spread over, a power of two, 1 to 64. Default 1: a server executes one script at a time. They carry nothing else, because waiting for replicas holds up a
    /// connection.
    /// </summary>
    public int FlushConnections { get; set; } = 1;

    /// <summary>Adds a server: <c>redis://</c>, <c>rediss://</c> or <c>unix://</c>, as <see cref="RespClientOptions.Parse"/> reads it.</summary>
    /// <exception cref="FormatException">It is no such URL; the message holds no part of it that may be a secret.</exception>
    public void Add(string url) => _servers.Add(RespClientOptions.Parse(url));

    /// <summary>Adds a server with everything that a URL can't say.</summary>
    public void Add(RespClientOptions server)
    {
        ArgumentNullException.ThrowIfNull(server);
        _servers.Add(server);
    }

    /// <summary>The servers.</summary>
    public IEnumerator<RespClientOptions> GetEnumerator() => _servers.GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void Validate(OptionsCheck check)
    {
        check.Range($"{nameof(EngineOptions.Redis)}.{nameof(WaitReplicas)}", WaitReplicas, 0, 16);
        check.Range($"{nameof(EngineOptions.Redis)}.{nameof(WaitTimeout)}", WaitTimeout, TimeSpan.FromMilliseconds(10), TimeSpan.FromMinutes(1));
        check.Range($"{nameof(EngineOptions.Redis)}.{nameof(FlushConnections)}", FlushConnections, 1, 64);
        if (!int.IsPow2(FlushConnections))
            check.Fail($"{nameof(EngineOptions.Redis)}.{nameof(FlushConnections)}", FlushConnections.ToString(System.Globalization.CultureInfo.InvariantCulture), "must be a power of two");
        check.Defined($"{nameof(EngineOptions.Redis)}.{nameof(Start)}", Start);
        check.Defined($"{nameof(EngineOptions.Redis)}.{nameof(Persistence)}", Persistence);
        if (_servers.Select(static server => server.Endpoint.ToString()).Distinct(StringComparer.Ordinal).Count() != _servers.Count)
            check.Fail(nameof(EngineOptions.Redis), string.Join(", ", _servers.Select(static server => server.Endpoint)), "must name each server once");
    }

    internal RedisOptions Copy()
    {
        RedisOptions copy = new() { Start = Start, Persistence = Persistence, WaitReplicas = WaitReplicas, WaitTimeout = WaitTimeout, FlushConnections = FlushConnections };
        copy._servers.AddRange(_servers);
        return copy;
    }
}
