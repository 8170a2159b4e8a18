using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Sluice.Coordination;
using Sluice.Harness.Faults;

namespace Sluice.Harness.Load;

/// <summary>How much a conservation run does.</summary>
internal sealed record MergeConservationPlan
{
    public required long Merges { get; init; }

    public required int Seed { get; init; }

    /// <summary>Distinct keys, drawn by a zipf law.</summary>
    public int Keys { get; init; } = 20_000;

    public int Writers { get; init; } = 4;

    public int Engines { get; init; } = 2;

    /// <summary>Far fewer than there are keys, so that evictions never stop.</summary>
    public int Capacity { get; init; } = 8_000;

    /// <summary>What the engines coordinate through. Null: a coordinator in the process, behind a network that does <see cref="Faults"/>.</summary>
    public IConservationNetwork? Network { get; init; }

    public FaultPlan Faults { get; init; } = FaultPlan.Rough;

    public TimeSpan DurabilityWindow { get; init; }

    /// <summary>One completion in so many fails on its first attempt.</summary>
    public int FailOneIn { get; init; } = 50;
}

/// <summary>What came out of a conservation run.</summary>
internal sealed record MergeConservationResult(
    long Merges, TimeSpan Elapsed, long Sessions, long Redeliveries, long Writes, int KeysTouched, IReadOnlyList<string> Faults, string Network)
{
    /// <summary>What the engines reported as lost; empty when nothing was.</summary>
    public IReadOnlyList<LossReport> Losses { get; init; } = [];

    /// <summary>Keys whose sums are above what was merged, and below.</summary>
    public (int Above, int Below) Drift { get; init; }

    public double MergesPerSecond => Merges / Elapsed.TotalSeconds;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Merges:N0} merges of {KeysTouched:N0} keys in {Elapsed.TotalSeconds:0.0} s ({MergesPerSecond / 1e6:0.00} M/s), {Writes:N0} writes, {Sessions:N0} sessions, {Redeliveries:N0} redeliveries; network: {Network}; drift: {(Faults.Count == 0 ? "0" : string.Join("; ", Faults))}");
}

/// <summary>
/// Conservation under everything at once: several engines on one coordinator behind a rough network; writers merge zipf keys while entries are
/// evicted, expire, are flushed and are force-expired; some completions fail. In the end every key and field must hold exactly what went in, and no
/// generation may have been delivered with two contents.
/// </summary>
internal sealed class MergeConservation(MergeConservationPlan plan)
{
    private readonly string[] _names = [.. Enumerable.Range(0, plan.Keys).Select(static i => string.Create(CultureInfo.InvariantCulture, $"sensor-{i:000000}"))];
    private readonly ConcurrentDictionary<string, (string Resource, long Count, long Amount, long Highest)> _delivered = new();
    private readonly ConcurrentQueue<string> _faults = new();
    private readonly ConcurrentQueue<LossReport> _losses = new();
    private long _redeliveries;
    private int _completions;
    private (int Above, int Below) _drift;

    public async Task<MergeConservationResult> RunAsync(CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        IConservationNetwork network = plan.Network ?? new FaultyCoordinatorNetwork(new FaultyCoordinator(new InProcessCoordinator(), plan.Faults, plan.Seed));
        Coordinator[] coordinators = [.. Enumerable.Range(0, plan.Engines).Select(network.CoordinatorOf)];
        SluiceEngine[] engines = new SluiceEngine[plan.Engines];
        Aggregator<string, Reading, Reading.Event>[] readings = new Aggregator<string, Reading, Reading.Event>[plan.Engines];
        for (int i = 0; i < engines.Length; i++)
        {
            engines[i] = await SluiceEngine.StartAsync(Options(coordinators[i], i), cancellation).ConfigureAwait(false);
            readings[i] = engines[i].Aggregate(Reading.Definition, options =>
            {
                options.OnComplete = Complete;
                options.CompletionBackoff = TimeSpan.FromMilliseconds(2);
                options.MaxCompletionBackoff = TimeSpan.FromMilliseconds(20);
                options.MaxCompletionAttempts = 1000;
            });
        }

        Ledger[] ledgers = [.. Enumerable.Range(0, plan.Writers).Select(_ => new Ledger(plan.Keys))];
        using CancellationTokenSource done = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task disturber = DisturbAsync(readings, done.Token);
        Task disruption = network.DisruptAsync(cancellation);
        await Task.WhenAll(Enumerable.Range(0, plan.Writers).Select(writer => Task.Factory.StartNew(
            () => Write(writer, readings[writer % readings.Length], ledgers[writer], disruption, cancellation), cancellation, TaskCreationOptions.LongRunning,
            TaskScheduler.Default))).ConfigureAwait(false);
        await done.CancelAsync().ConfigureAwait(false);
        await disturber.ConfigureAwait(false);
        await disruption.ConfigureAwait(false);
        await network.HealAsync().ConfigureAwait(false);
        await DrainAsync(readings, coordinators[0], cancellation).ConfigureAwait(false);
        foreach (SluiceEngine engine in engines)
        {
            ShutdownReport report = await engine.StopAsync(TimeSpan.FromMinutes(2), cancellation).ConfigureAwait(false);
            if (!report.IsClean || report.DeadLetters != 0)
                _faults.Enqueue($"stop: {report}");
        }

        long merges = ledgers.Sum(static ledger => ledger.Total);
        int touched = Compare(ledgers);
        return new MergeConservationResult(
            merges, Stopwatch.GetElapsedTime(began), _delivered.Count, _redeliveries,
            readings.Sum(static reading => reading.Writes), touched, [.. _faults], network.Describe())
        {
            Losses = [.. _losses],
            Drift = _drift,
        };
    }

    /// <summary>Engines that stop leave to others what a server keeps; here there are no others.</summary>
    private static async Task DrainAsync(Aggregator<string, Reading, Reading.Event>[] readings, Coordinator coordinator, CancellationToken cancellation)
    {
        if (coordinator.IsEphemeral)
            return;
        foreach (Aggregator<string, Reading, Reading.Event> reading in readings)
            await reading.ExpireAllAsync(cancellation).ConfigureAwait(false);
        CoordinationNamespace space = readings[0].Runtime.Space;
        for (int partition = 0; partition < space.Partitions; partition++)
        {
            while (await coordinator.SendAsync(space, partition, new PokeRequest(0), cancellation).ConfigureAwait(false) is not { Open: 0, Sealed: 0 })
                await Task.Delay(TimeSpan.FromMilliseconds(20), cancellation).ConfigureAwait(false);
        }
    }

    private EngineOptions Options(Coordinator network, int index) => new()
    {
        Coordinator = network,
        Capacity = plan.Capacity / plan.Engines,
        SoftSession = TimeSpan.FromMilliseconds(200),
        HardSession = TimeSpan.FromSeconds(2),
        SessionSweepInterval = TimeSpan.FromMilliseconds(20),
        FlushInterval = TimeSpan.FromMilliseconds(100),
        RequestTimeout = TimeSpan.FromSeconds(2),
        LeaseDuration = TimeSpan.FromSeconds(1),
        ClaimLease = TimeSpan.FromMilliseconds(500),
        DurabilityWindow = plan.DurabilityWindow,
        OnLoss = _losses.Enqueue,
        IdentitySeed = plan.Seed + index,
    };

    private void Write(int writer, Aggregator<string, Reading, Reading.Event> reading, Ledger ledger, Task disruption, CancellationToken cancellation)
    {
        ZipfGenerator zipf = new(plan.Keys, 0.99, (ulong)(plan.Seed + (writer * 7919)));
        long share = (plan.Merges / plan.Writers) + (writer < plan.Merges % plan.Writers ? 1 : 0);
        KeyValuePair<string, Reading.Event>[] batch = new KeyValuePair<string, Reading.Event>[writer % 2 == 0 ? 1 : 32];
        int[] keys = new int[batch.Length];

        // Goes on for as long as the network is disrupted, so that nothing of it happens to engines at rest.
        for (long i = 0; i < share || !disruption.IsCompleted; i += batch.Length)
        {
            int length = i < share ? (int)Math.Min(batch.Length, share - i) : batch.Length;
            for (int j = 0; j < length; j++)
            {
                keys[j] = zipf.Next();
                long amount = ((i + j) % 1000) - 300;
                batch[j] = new(_names[keys[j]], new Reading.Event { Count = 1, Amount = amount, Highest = amount });
                ledger.Add(keys[j], amount);
            }

            MergeAll(reading, batch.AsSpan(0, length), cancellation);
        }
    }

    /// <summary>Merges one by one, or as batches; goes on where there was no room.</summary>
    private static void MergeAll(
        Aggregator<string, Reading, Reading.Event> reading, ReadOnlySpan<KeyValuePair<string, Reading.Event>> batch, CancellationToken cancellation)
    {
        SpinWait spin = default;
        while (!batch.IsEmpty)
        {
            int merged;
            if (batch.Length == 1)
            {
                Reading.Event e = batch[0].Value;
                merged = reading.TryMerge(batch[0].Key, in e) ? 1 : 0;
            }
            else
            {
                merged = reading.TryMerge(batch);
            }

            batch = batch[merged..];
            if (merged != 0)
                continue;
            cancellation.ThrowIfCancellationRequested();
            spin.SpinOnce();
        }
    }

    /// <summary>Forces, expires and flushes while the writers write.</summary>
    private async Task DisturbAsync(Aggregator<string, Reading, Reading.Event>[] readings, CancellationToken cancellation)
    {
        Random random = new(plan.Seed ^ 0x5EED);
        try
        {
            while (true)
            {
                Aggregator<string, Reading, Reading.Event> reading = readings[random.Next(readings.Length)];
                string key = _names[random.Next(Math.Min(200, plan.Keys))];
                switch (random.Next(8))
                {
                    case < 4:
                        await reading.ForceExpireAsync(key, cancellation).ConfigureAwait(false);
                        break;
                    case < 6:
                        await reading.ExpireAsync(key, cancellation).ConfigureAwait(false);
                        break;
                    case 6:
                        await reading.FlushAsync(key, cancellation).ConfigureAwait(false);
                        break;
                    default:
                        await reading.SweepAsync(cancellation).ConfigureAwait(false);
                        break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The writers are done.
        }
    }

    private ValueTask Complete(Completion<Reading> completion, CancellationToken lost)
    {
        Reading value = completion.Value;
        (string, long, long, long) content = (completion.Resource, value.Count, value.Amount, value.Highest);
        if (!_delivered.TryAdd(completion.IdempotencyKey, content))
        {
            Interlocked.Increment(ref _redeliveries);
            if (_delivered[completion.IdempotencyKey] != content)
                _faults.Enqueue($"{completion.IdempotencyKey} was delivered with two contents");
        }

        // The sink has it, and the engine does not learn so: what a time-out of a database does.
        if (completion.Attempt == 1 && Interlocked.Increment(ref _completions) % plan.FailOneIn == 0)
            completion.Fail("The sink's answer was lost.");
        return ValueTask.CompletedTask;
    }

    private int Compare(Ledger[] ledgers)
    {
        Ledger expected = ledgers[0];
        foreach (Ledger ledger in ledgers.AsSpan(1))
            expected.Add(ledger);
        Dictionary<string, (long Count, long Amount, long Highest)> actual = [];
        foreach ((string resource, long count, long amount, long highest) in _delivered.Values)
        {
            (long Count, long Amount, long Highest) sum = actual.GetValueOrDefault(resource, (0, 0, long.MinValue));
            actual[resource] = (sum.Count + count, sum.Amount + amount, Math.Max(sum.Highest, highest));
        }

        int touched = 0;
        for (int key = 0; key < plan.Keys; key++)
        {
            (long Count, long Amount, long Highest) want = expected[key];
            if (want.Count == 0)
                continue;
            touched++;
            (long Count, long Amount, long Highest) got = actual.GetValueOrDefault(_names[key], (0, 0, long.MinValue));
            if (want.Count != got.Count)
                _drift = got.Count > want.Count ? (_drift.Above + 1, _drift.Below) : (_drift.Above, _drift.Below + 1);
            if (want != got && _faults.Count < 20)
                _faults.Enqueue($"{_names[key]}: merged {want}, completed {got}");
        }

        if (actual.Count != touched)
            _faults.Enqueue($"{actual.Count} keys completed, {touched} merged");
        return touched;
    }

    /// <summary>What one writer merged, per key and field.</summary>
    private sealed class Ledger(int keys)
    {
        private readonly long[] _counts = new long[keys];
        private readonly long[] _amounts = new long[keys];
        private readonly long[] _highest = [.. Enumerable.Repeat(long.MinValue, keys)];

        public long Total => _counts.Sum();

        public (long Count, long Amount, long Highest) this[int key] => (_counts[key], _amounts[key], _highest[key]);

        public void Add(int key, long amount)
        {
            _counts[key]++;
            _amounts[key] += amount;
            _highest[key] = Math.Max(_highest[key], amount);
        }

        public void Add(Ledger other)
        {
            for (int i = 0; i < _counts.Length; i++)
            {
                _counts[i] += other._counts[i];
                _amounts[i] += other._amounts[i];
                _highest[i] = Math.Max(_highest[i], other._highest[i]);
            }
        }
    }
}
