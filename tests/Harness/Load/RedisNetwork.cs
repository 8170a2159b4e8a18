using System.Globalization;
using System.Net;
using Sluice.Harness.Faults;
using Sluice.Resp;

namespace Sluice.Harness.Load;

/// <summary>
/// A real server; each engine has a coordinator and connections of its own to it, as a process has, through a proxy of its own.
/// </summary>
/// <param name="server">Where the proxies lead to.</param>
/// <param name="faults">What happens to connections by themselves; null: nothing.</param>
/// <param name="disruption">What is done to the server and the proxies while the engines write; null: nothing.</param>
/// <param name="configure">Changes the options of each coordinator; null: nothing.</param>
internal sealed class RedisNetwork(
    PrivateRedisServer server, SeededFaults? faults = null, Func<RedisNetwork, CancellationToken, Task>? disruption = null, Action<RedisOptions>? configure = null)
    : IConservationNetwork, IAsyncDisposable
{
    private readonly List<FaultProxy> _proxies = [];
    private readonly List<RedisCoordinator> _coordinators = [];
    private volatile bool _isHealed;

    public PrivateRedisServer Server => server;

    public Coordinator CoordinatorOf(int engine)
    {
        FaultProxy proxy = new(server.EndPoint, connection => _isHealed || faults is null ? ConnectionFaults.None : faults.For((engine * 1_000_003) + connection));
        _proxies.Add(proxy);
        RedisOptions options = [];
        options.Add(new RespClientOptions
        {
            Endpoint = RespEndpoint.Tcp("127.0.0.1", proxy.Endpoint.Port),

            // A fault a second or more is expected here: the budget against stampedes of dials is not what is tested.
            DialsPerSecond = 1000,
            PeerTimeout = TimeSpan.FromSeconds(1),
        });
        configure?.Invoke(options);
        RedisCoordinator coordinator = new(options);
        _coordinators.Add(coordinator);
        return coordinator;
    }

    public Task DisruptAsync(CancellationToken cancellation) => disruption is null ? Task.CompletedTask : Task.Run(() => disruption(this, cancellation), cancellation);

    /// <summary>All engines' addresses lead to another server from now on, and what was open is cut.</summary>
    public void Retarget(EndPoint other)
    {
        foreach (FaultProxy proxy in _proxies)
        {
            proxy.Retarget(other);
            proxy.ResetAll();
        }
    }

    public Task HealAsync()
    {
        _isHealed = true;
        _proxies.ForEach(static proxy => proxy.ResetAll());
        return Task.CompletedTask;
    }

    public string Describe() => string.Create(
        CultureInfo.InvariantCulture, $"{_proxies.Sum(static proxy => proxy.Connections)} connections, {_proxies.Sum(static proxy => proxy.FaultsDone)} faults");

    public async ValueTask DisposeAsync()
    {
        foreach (RedisCoordinator coordinator in _coordinators)
            await coordinator.DisposeAsync();
        foreach (FaultProxy proxy in _proxies)
            await proxy.DisposeAsync();
    }
}
