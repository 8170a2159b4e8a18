using System.Threading.Channels;
using Sluice.Harness;
using Sluice.Harness.Faults;
using Xunit;

namespace Sluice.Tests.Running;

/// <summary>
/// Several engines on one coordinator whose clock, and theirs, a test moves by hand. At the end the engines are dropped, not stopped: stopping in
/// time that stands still would wait for ever for what a test has left undone.
/// </summary>
internal sealed class Stage : IAsyncDisposable
{
    /// <summary>A test that waits for what never comes fails by it; all take a small part of it.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static readonly AsyncLocal<CancellationToken?> Limited = new();

    private readonly List<SluiceEngine> _engines = [];
    private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

    public Stage()
    {
        Coordinator = new WatchedCoordinator(Time);
        _limit.CancelAfter(Limit);
        Limited.Value = _limit.Token;
    }

    /// <summary>Cancelled when the test is, or takes far too long.</summary>
    public static CancellationToken Cancellation => Limited.Value ?? TestContext.Current.CancellationToken;

    public HandDrivenTimeProvider Time { get; } = new();

    public WatchedCoordinator Coordinator { get; }

    public async Task<SluiceEngine> StartAsync(Action<EngineOptions>? configure = null)
    {
        EngineOptions options = new()
        {
            Coordinator = Coordinator,
            TimeProvider = Time,
            Partitions = 2,
            BatchLinger = TimeSpan.Zero,

            // Nothing happens by itself unless a test asks for it.
            FlushInterval = TimeSpan.FromMinutes(30),
            SessionSweepInterval = TimeSpan.FromMinutes(1),
            LeaseDuration = TimeSpan.FromHours(1),
            ClaimLease = TimeSpan.FromHours(1),
            SoftSession = null,
            HardSession = null,
        };
        configure?.Invoke(options);
        SluiceEngine engine = await SluiceEngine.StartAsync(options, Cancellation);
        _engines.Add(engine);
        return engine;
    }

    /// <summary>An engine, its aggregate of visits, and what its handler was given.</summary>
    public async Task<Worker> StartWorkerAsync(Action<EngineOptions>? configure = null, Action<AggregateOptions<Visit>>? aggregate = null)
    {
        int armed = Time.ArmedTimers;
        SluiceEngine engine = await StartAsync(configure);
        Channel<Completion<Visit>> completed = Channel.CreateUnbounded<Completion<Visit>>();
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options =>
        {
            aggregate?.Invoke(options);
            if (options.OnComplete is null && options.OnCompleteBatch is null)
            {
                options.OnComplete = (completion, _) =>
                {
                    completed.Writer.TryWrite(completion);
                    return ValueTask.CompletedTask;
                };
            }
        });

        // The loops for flushes, sweeps, beats, pokes and claims: what moves time before they wait would not wake them.
        await Time.WhenArmedAsync(armed + 5).WaitAsync(Cancellation);
        return new Worker(engine, visits, completed);
    }

    /// <summary>An engine without a handler: it only produces.</summary>
    public async Task<Worker> StartProducerAsync(Action<EngineOptions>? configure = null)
    {
        int armed = Time.ArmedTimers;
        SluiceEngine engine = await StartAsync(configure);
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition);
        await Time.WhenArmedAsync(armed + 4).WaitAsync(Cancellation); // as above, without the claims
        return new Worker(engine, visits, Channel.CreateUnbounded<Completion<Visit>>());
    }

    /// <summary>
    /// Moves time to the next timer, and again, until <paramref name="work"/> is done: never further than <paramref name="furthest"/> at once, so that
    /// time stands still while the engine works instead of waiting.
    /// </summary>
    public async Task<T> DriveAsync<T>(ValueTask<T> work, TimeSpan furthest)
    {
        Task<T> task = work.AsTask();
        while (!task.IsCompleted)
        {
            if (Time.UntilNextTimer <= furthest)
                Time.AdvanceToNextTimer();
            for (int i = 0; i < 20 && !task.IsCompleted; i++)
                await Task.Yield(); // what was woken has its turn before time moves on
            Cancellation.ThrowIfCancellationRequested();
        }

        return await task;
    }

    /// <summary>Gives way until <paramref name="reached"/> is true: for what has no task to wait for.</summary>
    public static async Task UntilAsync(Func<bool> reached)
    {
        while (!reached())
        {
            Cancellation.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Coordinator.Release();
        foreach (SluiceEngine engine in _engines)
            await engine.AbandonAsync();
        _limit.Dispose();
    }
}

/// <summary>One engine of a test, as one process would have it.</summary>
internal sealed record Worker(SluiceEngine Engine, Aggregator<string, Visit, Visit.Event> Visits, Channel<Completion<Visit>> Completed)
{
    /// <summary>The next session that the handler is, or was, given.</summary>
    public ValueTask<Completion<Visit>> NextAsync() => Completed.Reader.ReadAsync(Stage.Cancellation);

    public void Hit(string key, long hits = 1) => Assert.True(Visits.TryMerge(key, new Visit.Event { Hits = hits }));
}
