using Sluice.Harness;
using Sluice.Harness.Faults;
using Sluice.Harness.Linearizability;
using Xunit;

namespace Sluice.Tests.References;

/// <summary>What concurrent holders in several engines see of counts, last releases and callbacks could have happened one after the other.</summary>
public sealed class ReferenceLinearizabilityTests(SharedRedisServer shared)
{
    private const int Engines = 3;
    private const int CallersOfAnEngine = 2;
    private const int Turns = 60;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: races between an engine's own references, its lane, and the claim of a last release.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task References_in_one_process_are_linearizable(bool isFaulty)
    {
        await using InProcessCoordinator coordinator = new();
        await CheckAsync(coordinator, isFaulty);
    }

    // Prevents: the same between engines that share a server, and in its scripts.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task References_on_a_server_are_linearizable(bool isFaulty)
    {
        PrivateRedisServer server = await shared.GetAsync();
        await using RedisCoordinator coordinator = new(new RedisOptions { server.Url });
        await CheckAsync(coordinator, isFaulty);
    }

    // Prevents: a check that would be content with references that nobody counts.
    [Fact]
    public async Task Engines_that_share_nothing_are_found()
    {
        await using SluiceEngine one = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation), two = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        Run run = new();
        IReferenceSet[] sets = [.. new[] { one, two }.Select((engine, i) => engine.References("things", (last, _) => run.CallbackAsync(i, last, fails: false)))];
        Reference first = await run.AcquireAsync(sets[0], 0, "x"), second = await run.AcquireAsync(sets[1], 1, "x");
        await run.ReleaseAsync(first, 0, fails: false);
        await run.ReleaseAsync(second, 1, fails: false);
        Assert.False(LinearizabilityChecker.Check(new ReferenceModel(), run.Operations).IsLinearizable);
    }

    private static async Task CheckAsync(Coordinator coordinator, bool isFaulty)
    {
        FaultyCoordinator faulty = new(coordinator, isFaulty ? FaultPlan.Rough : FaultPlan.None, seed: 7);
        Run run = new();
        List<SluiceEngine> engines = [];
        List<IReferenceSet> sets = [];
        string prefix = SharedRedisServer.NewPrefix();
        for (int i = 0; i < Engines; i++)
        {
            int engine = i;
            EngineOptions options = new() { Coordinator = faulty, Partitions = 2, Prefix = prefix, LeaseDuration = TimeSpan.FromMinutes(10), ClaimLease = TimeSpan.FromSeconds(20) };
            engines.Add(await SluiceEngine.StartAsync(options, Cancellation));
            sets.Add(engines[i].References("things", (last, _) => run.CallbackAsync(engine, last, fails: false), static options => options.Backoff = TimeSpan.FromMilliseconds(1)));
        }

        await Task.WhenAll(Enumerable.Range(0, Engines * CallersOfAnEngine).Select(caller => Task.Run(() => CallAsync(run, sets[caller % Engines], caller), Cancellation)));
        LinearizabilityResult result = LinearizabilityChecker.Check(new ReferenceModel(), run.Operations);
        faulty.Heal();
        foreach (SluiceEngine engine in engines)
            await engine.AbandonAsync();
        await faulty.SettleAsync();
        Assert.True(result.IsLinearizable, result.Explanation);
        Assert.Contains(run.Operations, static operation => operation.Output.IsLast);
        TestContext.Current.TestOutputHelper!.WriteLine($"{run.Operations.Count} operations, {run.Operations.Count(static operation => operation.Output.IsLast)} last releases; {faulty.Describe()}");
    }

    private static async Task CallAsync(Run run, IReferenceSet set, int caller)
    {
        SplitMix64 random = new((ulong)(100 + caller));
        int engine = caller % Engines;
        for (int turn = 0; turn < Turns; turn++)
        {
            string key = random.Next(3) == 0 ? "quiet" : "busy";
            if (random.Next(4) == 0)
                await run.CountAsync(set, engine, key);
            Reference reference = await run.AcquireAsync(set, engine, key);
            if (random.Next(2) == 0)
                await Task.Yield(); // others come while it is held
            await run.ReleaseAsync(reference, engine, fails: random.Next(8) == 0);
        }
    }

    /// <summary>What the callers and the callbacks of one run did.</summary>
    private sealed class Run
    {
        private readonly HistoryRecorder<ReferenceInput, ReferenceOutput> _recorder = new();

        public IReadOnlyList<Operation<ReferenceInput, ReferenceOutput>> Operations => _recorder.Operations;

        public async Task<Reference> AcquireAsync(IReferenceSet set, int engine, string key)
        {
            Reference? reference = null;
            await PerformAsync(ReferenceOperationKind.Acquire, engine, key, async () =>
            {
                reference = await set.AcquireAsync(key, Cancellation);
                return default;
            });
            return reference!;
        }

        public Task ReleaseAsync(Reference reference, int engine, bool fails) => PerformAsync(ReferenceOperationKind.Release, engine, reference.Key, async () =>
        {
            DereferenceOutcome outcome = await reference.ReleaseAsync((last, _) => CallbackAsync(engine, last, fails), Cancellation);
            Assert.NotEqual(DereferenceOutcome.NotHeld, outcome);
            return new ReferenceOutput(0, outcome != DereferenceOutcome.StillReferenced);
        });

        public Task CountAsync(IReferenceSet set, int engine, string key) =>
            PerformAsync(ReferenceOperationKind.Count, engine, key, async () =>
            {
                while (true)
                {
                    try
                    {
                        return new ReferenceOutput(await set.CountAsync(key, Cancellation), IsLast: false);
                    }
                    catch (CoordinatorException)
                    {
                        // A fault of the network: a question is asked again.
                    }
                }
            });

        public async ValueTask CallbackAsync(int engine, LastRelease last, bool fails)
        {
            await PerformAsync(ReferenceOperationKind.Enter, engine, last.Key, () => new(new ReferenceOutput(last.FencingToken, IsLast: false)));
            await Task.Yield();
            await PerformAsync(fails ? ReferenceOperationKind.Fail : ReferenceOperationKind.Leave, engine, last.Key, static () => default);
            if (fails)
                throw new InvalidOperationException("As planned.");
        }

        private async Task PerformAsync(ReferenceOperationKind kind, int engine, string key, Func<ValueTask<ReferenceOutput>> operation) =>
            await _recorder.PerformAsync(key, engine, new ReferenceInput(kind, engine), operation);
    }
}
