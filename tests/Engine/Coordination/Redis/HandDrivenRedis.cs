using System.Globalization;
using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Resp;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>
/// A real server whose scripts read the time from a key instead of its clock, so that a test decides what time it is. Everything else is as shipped.
/// </summary>
internal sealed class HandDrivenRedis : ConformanceServer
{
    private const string Clock = "call('TIME')";
    private readonly RespClient _client;
    private readonly RedisCoordinator _coordinator;
    private readonly string _clockKey;
    private long _now = 1_767_225_600_000_000; // 2026-01-01

    private HandDrivenRedis(PrivateRedisServer server, Func<string, string, string>? mutate)
    {
        Prefix = SharedRedisServer.NewPrefix();
        _clockKey = $"clock:{Prefix}";
        _client = RespClient.Create(RespClientOptions.Parse(server.Url));
        _coordinator = new RedisCoordinator(new RedisOptions { server.Url }, new RedisScripts(Rewrite), new LockScripts(Rewrite));

        string Rewrite(string name, string source)
        {
            Assert.Equal(2, source.Split(Clock).Length);
            string driven = source.Replace(Clock, $"call('HMGET', '{_clockKey}', 's', 'u')", StringComparison.Ordinal);
            return mutate is null ? driven : mutate(name, driven);
        }
    }

    public override Coordinator Coordinator => _coordinator;

    /// <summary>The same server for locks.</summary>
    public RedisLockCoordinator Locks => _coordinator.Locks;

    /// <summary>For whatever a test has to say to the server itself.</summary>
    public RespClient Client => _client;

    public override long Short => 1_000_000;

    public override string Prefix { get; }

    public override bool CanStepClock => true;

    public static async Task<HandDrivenRedis> StartAsync(PrivateRedisServer server, Func<string, string, string>? mutate = null)
    {
        HandDrivenRedis driven = new(server, mutate);
        await driven.StepClockAsync(0);
        return driven;
    }

    public ValueTask SetClockAsync(long micros) => micros == _now ? ValueTask.CompletedTask : StepClockAsync(micros - _now);

    public ValueTask<PartitionSnapshot> SnapshotAsync(CoordinationNamespace space, int partition) => _coordinator.SnapshotAsync(space, partition, CancellationToken.None);

    public override ValueTask ElapseAsync(long micros) => StepClockAsync(micros);

    public override async ValueTask StepClockAsync(long micros)
    {
        _now += micros;
        RespCommand command = _client.Command("HSET");
        await command.Key(_clockKey).Write("s").Write((_now / 1_000_000).ToString(CultureInfo.InvariantCulture))
            .Write("u").Write((_now % 1_000_000).ToString(CultureInfo.InvariantCulture)).ExecuteAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _client.DisposeAsync();
    }
}
