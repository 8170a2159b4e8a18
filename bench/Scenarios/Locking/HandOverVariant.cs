using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Locking;

/// <summary>
/// A mutex that many wait for, each of whom releases it as soon as it has it. One operation is a hand-over; its latency goes from the call of the release to the moment at which the next
/// one goes on, in another engine than the first holder's.
/// </summary>
internal sealed class HandOverVariant(BenchServer server, int waiters) : LockVariant(server)
{
    private readonly int[] _order = new int[waiters];
    private IMutex? _first;
    private IMutex? _others;
    private long _released;
    private int _granted;
    private int _overtaking;

    public override string Name => "sluice";

    protected override string Note => string.Create(CultureInfo.InvariantCulture, $"; largest overtaking {_overtaking}");

    protected override async Task FillAsync(CancellationToken cancellationToken)
    {
        _first = (await StartEngineAsync(cancellationToken)).Locks.Mutex("wanted");
        _others = (await StartEngineAsync(cancellationToken)).Locks.Mutex("wanted");

        // With a session that is open, requests leave in the order of the calls.
        await (await _others.AcquireAsync(Timeout.InfiniteTimeSpan, cancellationToken)).ReleaseAsync(cancellationToken);
    }

    protected override async Task<long> WorkAsync(TimeSpan duration, LatencyHistogram latencies)
    {
        long began = Stopwatch.GetTimestamp(), done = 0;
        do
        {
            _granted = 0;
            LockHandle held = await _first!.AcquireAsync(Timeout.InfiniteTimeSpan);

            // In one call after the other: they reach the server in this order.
            Task[] waiting = [.. Enumerable.Range(0, waiters).Select(i => WaitAsync(i, latencies))];
            while ((await _first.GetParticipantsAsync()).Waiting < waiters)
                await Task.Yield();
            Volatile.Write(ref _released, Stopwatch.GetTimestamp());
            await held.ReleaseAsync();
            await Task.WhenAll(waiting);
            for (int i = 0; i < waiters; i++)
                _overtaking = Math.Max(_overtaking, _order[i] - i);
            done += waiters;
        }
        while (Stopwatch.GetElapsedTime(began) < duration);
        return done;
    }

    private async Task WaitAsync(int number, LatencyHistogram latencies)
    {
        // One at a time from here on: the lock itself guards what follows, and its requests order the memory.
        LockHandle held = await _others!.AcquireAsync(Timeout.InfiniteTimeSpan);
        latencies.Record(Stopwatch.GetElapsedTime(Volatile.Read(ref _released)));
        _order[_granted++] = number;
        Volatile.Write(ref _released, Stopwatch.GetTimestamp());
        await held.ReleaseAsync();
    }
}
