using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Harness;
using Sluice.Harness.Linearizability;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>What concurrent callers of the locks in one process see could have happened one after the other.</summary>
public sealed class LockLinearizabilityTests
{
    private const int Callers = 6;
    private const int Turns = 120;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: races between the short way of a mutex, its transitions, and hand-over.
    [Fact]
    public async Task Mutexes_of_one_engine_are_linearizable()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        await CheckAsync(new LockModel(), LockOperationKind.AcquireExclusive, (_, key, wait) => engine.Locks.Mutex(key).TryAcquireAsync(wait, Cancellation));
    }

    // Prevents: the same for engines that share a coordinator, whose sessions have leases.
    [Fact]
    public async Task Mutexes_of_two_engines_are_linearizable()
    {
        await using InProcessCoordinator coordinator = new();
        await using SluiceEngine one = await SluiceEngine.StartAsync(new EngineOptions { Coordinator = coordinator }, Cancellation);
        await using SluiceEngine two = await SluiceEngine.StartAsync(new EngineOptions { Coordinator = coordinator }, Cancellation);
        await CheckAsync(
            new LockModel(), LockOperationKind.AcquireExclusive, (caller, key, wait) => (caller % 2 == 0 ? one : two).Locks.Mutex(key).TryAcquireAsync(wait, Cancellation));
    }

    [Fact]
    public async Task Semaphores_are_linearizable()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        await CheckAsync(
            new LockModel(permits: 3), LockOperationKind.AcquirePermit, (_, key, wait) => engine.Locks.Semaphore(key, 3).TryAcquireAsync(wait, Cancellation));
    }

    [Theory]
    [InlineData(LockFairness.WritersFirst)]
    [InlineData(LockFairness.FirstInFirstOut)]
    [InlineData(LockFairness.Overtaking)]
    public async Task Reader_writer_locks_are_linearizable(LockFairness fairness)
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        IReaderWriterLock Of(string key) => engine.Locks.ReaderWriterLock(key, new LockOptions { Fairness = fairness });
        await CheckAsync(
            new LockModel(refusesOnlyWhenHeld: false),
            LockOperationKind.AcquireShared,
            async (caller, key, wait) => await Of(key).TryAcquireAsync(caller % 3 == 0 ? LockAccess.Write : LockAccess.Read, wait, Cancellation));
    }

    // Prevents: what goes wrong only when a reply or a push is lost: a copy that takes the lock for nobody, a release that frees somebody else's, a waiter that sleeps on.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Mutexes_are_linearizable_though_replies_and_pushes_are_lost(ulong seed)
    {
        InProcessLockCoordinator server = new(TimeProvider.System);
        LockNamespace space = new("flaky", 1);
        LockTerms terms = LockTerms.Of(new EngineLockOptions { LeaseDuration = TimeSpan.FromMinutes(30) }, TimeSpan.FromMinutes(1), runsOut: true);
        FlakyLocks[] networks = [new(server, seed), new(server, seed + 100)];
        LockClient[] engines =
            [.. networks.Select((network, i) => new LockClient(network, space, terms, new LockEngineId(1, (ulong)i + 1), TimeProvider.System, NullLogger.Instance))];
        await CheckAsync(
            new LockModel(), LockOperationKind.AcquireExclusive, (caller, key, _) => LockStage.Mutex(engines[caller % 2], key).TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation), turns: 40);
        Assert.All(networks, static network => Assert.True(network.Faults > 20));
        Assert.Empty(server.Snapshot(space, 0).Records);
        foreach (LockClient engine in engines)
            await engine.StopAsync(Cancellation);
    }

    // Prevents: a check that would be content with locks that lock nothing.
    [Fact]
    public async Task Locks_that_let_two_in_are_found()
    {
        await using SluiceEngine one = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        await using SluiceEngine two = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        HistoryRecorder<LockInput, LockOutput> recorder = new();

        // Two engines that do not share a coordinator.
        await TakeAsync(recorder, LockOperationKind.AcquireExclusive, 1, "x", () => one.Locks.Mutex("x").TryAcquireAsync(cancellation: Cancellation));
        await TakeAsync(recorder, LockOperationKind.AcquireExclusive, 2, "x", () => two.Locks.Mutex("x").TryAcquireAsync(cancellation: Cancellation));
        Assert.False(LinearizabilityChecker.Check(new LockModel(), recorder.Operations).IsLinearizable);
    }

    private static async Task CheckAsync<THandle>(LockModel model, LockOperationKind kind, Func<int, string, TimeSpan, ValueTask<THandle?>> acquire, int turns = Turns)
        where THandle : LockHandle
    {
        HistoryRecorder<LockInput, LockOutput> recorder = new();
        long handles = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(
            async () =>
            {
                SplitMix64 random = new((ulong)(100 + caller));
                for (int turn = 0; turn < turns; turn++)
                {
                    string key = random.Next(3) == 0 ? "quiet" : "busy";

                    // Now and then without waiting, now and then as long as it takes.
                    TimeSpan wait = random.Next(2) == 0 ? TimeSpan.Zero : Timeout.InfiniteTimeSpan;
                    LockOperationKind what = kind == LockOperationKind.AcquireShared && caller % 3 == 0 ? LockOperationKind.AcquireExclusive : kind;
                    long number = Interlocked.Increment(ref handles);
                    if (await TakeAsync(recorder, what, number, key, async () => await acquire(caller, key, wait)) is not { } held)
                        continue;

                    // Others come while it is held.
                    if (random.Next(4) != 0)
                        await Task.Yield();
                    await recorder.PerformAsync(key, caller, new LockInput(LockOperationKind.End, number), async () =>
                    {
                        Assert.Equal(ReleaseOutcome.Released, await held.ReleaseAsync(CancellationToken.None));
                        return default;
                    });
                }
            },
            Cancellation)));
        LinearizabilityResult result = LinearizabilityChecker.Check(model, recorder.Operations);
        Assert.True(result.IsLinearizable, result.Explanation);
    }

    private static async Task<LockHandle?> TakeAsync(
        HistoryRecorder<LockInput, LockOutput> recorder, LockOperationKind kind, long number, string key, Func<ValueTask<LockHandle?>> acquire)
    {
        LockHandle? held = null;
        await recorder.PerformAsync(key, 0, new LockInput(kind, number), async () =>
        {
            held = await acquire();
            return new LockOutput(held is not null, held?.FencingToken ?? 0);
        });
        return held;
    }
}
