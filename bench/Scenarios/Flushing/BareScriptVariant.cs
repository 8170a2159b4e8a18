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
internal sealed class BareScriptVariant(string name, BenchServer server, int counters, int keys, ulong seed) : ServerVariant(server)
{
    private const int Population = PartitionLoad.Partitions * PartitionLoad.Resources;

    private readonly string[] _names = [.. Enumerable.Range(0, Population).Select(static i => "h:" + PartitionLoad.Name(0, i))];
    private readonly string[] _fields = [.. Enumerable.Range(0, counters).Select(static i => string.Create(CultureInfo.InvariantCulture, $"f{i}"))];
    private readonly Script _script = new(keys == 1
        ? string.Concat(Enumerable.Range(0, counters).Select(static i => string.Create(CultureInfo.InvariantCulture, $"redis.call('HINCRBY', KEYS[1], 'f{i}', ARGV[{i + 1}])\n")))
        : "for k = 1, #KEYS do for f = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[k], ARGV[f], ARGV[f + 1]) end end");

    // As many keys on their way for one a call as for many: the server reads and answers many calls at once.
    private readonly int _callers = Math.Max(8, 512 / keys);
    private int _run;

    public override string Name => name;

    protected override async Task FillAsync(CancellationToken cancellationToken)
    {
        for (int from = 0; from < Population; from += keys)
            await CallAsync(index => (from + index) % Population);
        await WarmUpAsync();
    }

    protected override async Task<long> WorkAsync(TimeSpan duration)
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
        RespCommand command = Client.Command(_script, keys);
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
