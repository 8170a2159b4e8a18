using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Running;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Harness;
using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Flushing;

/// <summary>
/// The reference: a script that increments the counters of a key's hash and knows nothing of batches that were sent twice, of members, leases or sessions. One operation is one key.
/// </summary>
internal sealed class BareScriptVariant(string name, BenchServer server, int counters, int keys, ulong seed) : Variant
{
    private const int Population = PartitionLoad.Partitions * PartitionLoad.Resources;

    private readonly string[] _names = [.. Enumerable.Range(0, Population).Select(static i => "h:" + PartitionLoad.Name(0, i))];
    private readonly string[] _fields = [.. Enumerable.Range(0, counters).Select(static i => string.Create(CultureInfo.InvariantCulture, $"f{i}"))];
    private readonly Script _script = new(keys == 1
        ? string.Concat(Enumerable.Range(0, counters).Select(static i => string.Create(CultureInfo.InvariantCulture, $"redis.call('HINCRBY', KEYS[1], 'f{i}', ARGV[{i + 1}])\n")))
        : "for k = 1, #KEYS do for f = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[k], ARGV[f], ARGV[f + 1]) end end");

    // As many keys on their way for one a call as for many: the server reads and answers many calls at once.
    private readonly int _callers = Math.Max(8, 512 / keys);
    private RespClient? _client;
    private int _run;

    public override string Name => name;

    public override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await server.StartAsync(cancellationToken);
        _client = await RespClient.ConnectAsync(
            new RespClientOptions { Endpoint = RespEndpoint.Tcp(server.EndPoint.Address.ToString(), server.EndPoint.Port), Connections = 1 }, cancellationToken);
        for (int from = 0; from < Population; from += keys)
            await CallAsync(index => (from + index) % Population);
        for (int warmUp = 0; warmUp < 4; warmUp++)
            await WorkAsync(TimeSpan.FromMilliseconds(150));
    }

    public override async Task<VariantRun> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        ServerUsage before = await ServerUsage.NowAsync(server, cancellationToken);
        long began = Stopwatch.GetTimestamp();
        long done = await WorkAsync(duration);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        ServerUsage used = (await ServerUsage.NowAsync(server, cancellationToken)).Since(before);
        return new VariantRun(done, elapsed, ServerCpu: used.Cpu, Note: used.Wire(Name, done));
    }

    public override async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        await server.DisposeAsync();
        await base.DisposeAsync();
    }

    private async Task<long> WorkAsync(TimeSpan duration)
    {
        long began = Stopwatch.GetTimestamp();
        int run = _run++;
        long[] calls = await Task.WhenAll(Enumerable.Range(0, _callers).Select(async caller =>
        {
            SplitMix64 random = new(seed + (ulong)((run * _callers) + caller));
            long sent = 0;
            for (; Stopwatch.GetElapsedTime(began) < duration; sent++)
                await CallAsync(_ => random.Next(Population));
            return sent;
        }));
        return calls.Sum() * keys;
    }

    private ValueTask<object?> CallAsync(Func<int, int> key)
    {
        RespCommand command = _client!.Command(_script, keys);
        for (int i = 0; i < keys; i++)
            command.Key(_names[key(i)]);
        for (int i = 0; i < counters; i++)
        {
            if (keys > 1)
                command.Write(_fields[i]);
            command.Write(1);
        }

        return command.ToAsync(static (ref reply) =>
        {
            reply.ThrowIfError();
            return (object?)null;
        });
    }
}
