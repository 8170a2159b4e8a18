using System.Diagnostics;
using System.Globalization;
using Sluice.Bench.Scenarios.Commands;
using Sluice.Bench.Scenarios.Flushing;
using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Locking;

namespace Sluice.Bench.Scenarios.Locking;

/// <summary>Locks that are held in all partitions, renewed as the keeper of leases does it: 64 looked up in each. One operation is one lock renewed.</summary>
internal sealed class RenewalVariant(BenchServer server, int held) : LockVariant(server)
{
    private const int Partitions = 64;
    private const int LookedUp = 64;
    private const long Hour = 3_600_000_000;

    private readonly LockNamespace _space = new("renew", Partitions);
    private readonly IncarnationId[] _sessions = new IncarnationId[Partitions];
    private RedisCoordinator? _coordinator;
    private long _bytes;

    public override string Name => "sluice";

    protected override string Note => string.Create(CultureInfo.InvariantCulture, $"; {_bytes} bytes a lock on the server, with names of 20");

    public override async ValueTask DisposeAsync()
    {
        if (_coordinator is not null)
            await _coordinator.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override async Task FillAsync(CancellationToken cancellationToken)
    {
        _coordinator = new RedisCoordinator(new RedisOptions { Url });
        for (int partition = 0; partition < Partitions; partition++)
            _sessions[partition] = (await _coordinator.Locks.SendAsync(_space, partition, new OpenSessionRequest(new LockEngineId(1, 1), Hour, "bench"), cancellationToken)).Session;
        ServerUsage before = await ServerUsage.NowAsync(Server, cancellationToken);
        foreach (int[] numbers in Enumerable.Range(1, held).Chunk(1000))
            await Task.WhenAll(numbers.Select(number => HoldAsync(number, cancellationToken)));
        _bytes = (await ServerUsage.NowAsync(Server, cancellationToken)).Since(before).Memory / held;
    }

    protected override Task<long> WorkAsync(TimeSpan duration, LatencyHistogram latencies)
    {
        long began = Stopwatch.GetTimestamp(), done = 0;
        for (; Stopwatch.GetElapsedTime(began) < duration; done += held)
        {
            long from = Stopwatch.GetTimestamp();
            Renewal[] renewals = [.. _sessions.Select((session, partition) => new Renewal(partition, new RenewRequest(session, Hour, [.. Enumerable.Range(0, LookedUp).Select(i => (long)(partition + (i * Partitions)))], 100)))];
            using (CountdownEvent answers = new(renewals.Length))
            {
                foreach (Renewal renewal in renewals)
                    renewal.Answered = _ => answers.Signal();
                _coordinator!.Locks.Renew(_space, renewals, TimeSpan.FromSeconds(30));
                answers.Wait(CancellationToken.None);
            }

            if (renewals.FirstOrDefault(static renewal => renewal.Reply is not { IsAlive: true }) is { } lost)
                throw new InvalidOperationException("A session was lost.", lost.Error);
            latencies.Record(Stopwatch.GetElapsedTime(from));
        }

        return Task.FromResult(done);
    }

    private async Task HoldAsync(int number, CancellationToken cancellationToken)
    {
        int partition = number % Partitions;
        LockClaim claim = new(ResourceKey.Of(string.Create(CultureInfo.InvariantCulture, $"order:{number:d14}")), LockMode.Exclusive);
        AcquireReply reply = await _coordinator!.Locks.SendAsync(
            _space, partition, new AcquireRequest(_sessions[partition], number, [claim], LockPolicy.WritersFirst, Waits: false, Durations.Never, Owner: ""), cancellationToken);
        if (reply.Status != AcquireStatus.Granted)
            throw new InvalidOperationException($"{claim.Resource}: {reply.Status}.");
    }
}
