using System.Diagnostics;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Harness;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Locking;

/// <summary>The reference: two scripts with the calls, keys and bytes of an uncontended acquire and its release, that decide nothing.</summary>
internal sealed class BareLockScriptsVariant(BenchServer server) : LockVariant(server)
{
    private const string Roles = "clehrqwb";

    private static readonly Script Take = new(
        """
        local call = redis.call
        call('TIME')
        call('HMGET', KEYS[1], '#', ARGV[1])
        call('HGET', KEYS[5], ARGV[2])
        call('HSET', KEYS[1], '#', ARGV[3])
        call('HSET', KEYS[5], ARGV[2], ARGV[4])
        call('ZADD', KEYS[4], 0, ARGV[5])
        return {0, 1, 2, 3, 4, 5}
        """);

    private static readonly Script Free = new(
        """
        local call = redis.call
        call('TIME')
        call('HMGET', KEYS[1], '#', ARGV[1])
        call('ZRANGE', KEYS[4], '[' .. ARGV[5], '(' .. ARGV[5] .. '\255', 'BYLEX', 'LIMIT', 0, 1)
        call('HGET', KEYS[5], ARGV[2])
        call('ZREM', KEYS[4], ARGV[5])
        call('HDEL', KEYS[5], ARGV[2])
        call('HSET', KEYS[1], '#', ARGV[3])
        return {0, 1, 2}
        """);

    private static readonly byte[] Session = new byte[19], Meta = new byte[22], Record = new byte[35], Handle = new byte[62];

    private readonly string[] _keys = [.. Roles.Select(static role => $"{{bare:locks:0}}:{role}")];
    private RespClient? _client;

    public override string Name => LocksScenario.Bare;

    public override async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override async Task FillAsync(CancellationToken cancellationToken) => _client = await RespClient.ConnectAsync(RespClientOptions.Parse(Url), cancellationToken);

    protected override async Task<long> WorkAsync(TimeSpan duration, LatencyHistogram latencies)
    {
        long began = Stopwatch.GetTimestamp(), done = 0;
        for (; Stopwatch.GetElapsedTime(began) < duration; done++)
        {
            long from = Stopwatch.GetTimestamp();
            await CallAsync(Take);
            await CallAsync(Free);
            latencies.Record(Stopwatch.GetElapsedTime(from));
        }

        return done;
    }

    private ValueTask<object?> CallAsync(Script script)
    {
        RespCommand command = _client!.Command(script, _keys.Length);
        foreach (string key in _keys)
            command.Key(key);
        return command.Write(Session).Write("order:00000000000001").Write(Meta).Write(Record).Write(Handle).ToAsync(static (ref reply) =>
        {
            reply.ThrowIfError();
            return (object?)null;
        });
    }
}
