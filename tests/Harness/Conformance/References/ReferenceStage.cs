using System.Threading.Channels;
using Sluice.Harness.Faults;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>
/// Engines that share references on one coordinator, whose clock moves with theirs. At the end the engines are dropped, not stopped: stopping in time that stands
/// still would wait for ever for what a test has left undone.
/// </summary>
/// <param name="coordinator">Shared by all; the stage disposes of it.</param>
/// <param name="time">The engines' time.</param>
/// <param name="stepServer">Moves the server's time, unless it is the engines'.</param>
internal sealed class ReferenceStage(Coordinator coordinator, HandDrivenTimeProvider time, Func<TimeSpan, ValueTask>? stepServer = null) : IAsyncDisposable
{
    public const string Set = "things";

    /// <summary>Longer than anything that a test lets pass, unless it is about dying.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromHours(1);

    public static readonly TimeSpan ClaimLease = TimeSpan.FromSeconds(10);

    private readonly List<SluiceEngine> _engines = [];

    public WatchedCoordinator Coordinator { get; } = new(coordinator);

    public HandDrivenTimeProvider Time => time;

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>An engine with the set; its handler writes down what it is given, unless the test has one of its own.</summary>
    public async Task<ReferenceHolderUnderTest> StartAsync(
        Func<LastRelease, CancellationToken, ValueTask>? handler = null, Action<ReferenceOptions>? configure = null, Action<EngineOptions>? configureEngine = null)
    {
        int armed = time.ArmedTimers;
        EngineOptions options = new()
        {
            Coordinator = Coordinator,
            TimeProvider = time,
            Partitions = 2,
            BatchLinger = TimeSpan.Zero,
            FlushInterval = TimeSpan.FromHours(1),
            SessionSweepInterval = TimeSpan.FromMinutes(1),
            LeaseDuration = Lease,
            ClaimLease = ClaimLease,
            SweepInterval = TimeSpan.FromSeconds(1),
            Prefix = Prefix,
        };
        options.Locks.Description = $"process {_engines.Count}";
        configureEngine?.Invoke(options);
        SluiceEngine engine = await SluiceEngine.StartAsync(options, Cancellation);
        _engines.Add(engine);
        Channel<LastRelease> handled = Channel.CreateUnbounded<LastRelease>();
        IReferenceSet set = engine.References(Set, handler ?? Record, configure);

        // Its loops: what moves time before they wait would not wake them.
        await time.WhenArmedAsync(armed + 5).WaitAsync(Cancellation);
        return new ReferenceHolderUnderTest(engine, set, handled.Reader);

        ValueTask Record(LastRelease last, CancellationToken lost)
        {
            handled.Writer.TryWrite(last);
            return ValueTask.CompletedTask;
        }
    }

    public string Prefix { get; init; } = "references";

    /// <summary>
    /// Time passes, on the server first: what an engine does at its timers finds the server's clock where its own is. Not while a request is on its way: on a slow machine it would
    /// seem to take as long as time is moved.
    /// </summary>
    public async Task AdvanceAsync(TimeSpan by)
    {
        await Eventually.UntilAsync(() => Coordinator.InFlight == 0, Cancellation);
        if (stepServer is not null)
            await stepServer(by);
        time.Advance(by);
    }

    /// <summary>Lets time pass in steps that no lease notices until it has come about.</summary>
    public async Task<T> DriveAsync<T>(Task<T> awaited)
    {
        while (!awaited.IsCompleted)
        {
            await AdvanceAsync(TimeSpan.FromSeconds(1));
            await Task.WhenAny(awaited, Task.Delay(TimeSpan.FromMilliseconds(2), Cancellation));
            Cancellation.ThrowIfCancellationRequested();
        }

        return await awaited;
    }

    /// <summary>The next end of a generation that any of these engines is given.</summary>
    public Task<LastRelease> NextOfAsync(params ReferenceHolderUnderTest[] engines) => DriveAsync(Task.WhenAny(engines.Select(static engine => engine.NextAsync())).Unwrap());

    public async ValueTask DisposeAsync()
    {
        Coordinator.Release();
        foreach (SluiceEngine engine in _engines)
            await engine.AbandonAsync();
        await coordinator.DisposeAsync();
    }
}

/// <summary>One engine of a test, as one process would have it.</summary>
internal sealed record ReferenceHolderUnderTest(SluiceEngine Engine, IReferenceSet Set, ChannelReader<LastRelease> Handled)
{
    /// <summary>The next end of a generation that the registered handler is, or was, given.</summary>
    public Task<LastRelease> NextAsync() => Handled.ReadAsync(ReferenceStage.Cancellation).AsTask();

    public Task<Reference> AcquireAsync(string key = "x") => Set.AcquireAsync(key, ReferenceStage.Cancellation).AsTask();

    public Task<int> CountAsync(string key = "x") => Set.CountAsync(key, ReferenceStage.Cancellation).AsTask();

    public Task<ReferencedResource> InspectAsync(string key = "x") => Set.InspectAsync(key, ReferenceStage.Cancellation).AsTask();
}
