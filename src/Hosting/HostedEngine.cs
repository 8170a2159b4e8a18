using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Sluice.Aggregates;
using Sluice.Flushing;

namespace Sluice.Hosting;

/// <summary>
/// An engine whose life is its host's. Starts before the first hosted service starts, stops after the last one has stopped: who consumes may merge until its own end. Hosts make all hosted services before they
/// start the first, so this stands for the engine until there is one.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class HostedEngine(IServiceProvider services, string name) : ISluiceEngine, IHostedLifecycleService
{
    private SluiceEngine? _engine;

    /// <exception cref="InvalidOperationException">It has not started.</exception>
    public SluiceEngine Started => Volatile.Read(ref _engine) ?? throw new InvalidOperationException(
        $"The engine{(name.Length == 0 ? "" : $" '{name}'")} has not started: it does when the host starts, before the first hosted service. Constructors may take ISluiceEngine and IAggregator<...>, and use them later.");

    public bool HasStarted => Volatile.Read(ref _engine) is not null;

    public EngineOptions Options { get; private set; } = new();

    public DogpileCache Dogpile => Started.Dogpile;

    public ICreationMutex CreationMutex => Started.CreationMutex;

    public ILockService Locks => Started.Locks;

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        Options = services.GetRequiredService<IOptionsMonitor<EngineOptions>>().Get(name);
        SluiceEngine engine = await SluiceEngine.StartAsync(Options, cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref _engine, engine);
        foreach (IHostedAggregate aggregate in services.GetKeyedServices<IHostedAggregate>(name))
            aggregate.Begin(engine);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        // What is left at the deadline is in the engine's log, with the report.
        if (Volatile.Read(ref _engine) is { } engine)
            await engine.StopAsync(Options.ShutdownTimeout, cancellationToken).ConfigureAwait(false);
    }

    public IAggregator<TKey, TValue, TEvent> Aggregate<TKey, TValue, TEvent>(AggregateDefinition<TKey, TValue, TEvent> definition, Action<AggregateOptions<TValue>>? configure = null)
        where TKey : notnull
        where TValue : class
        where TEvent : struct => Started.Aggregate(definition, configure);

    public IReferenceSet References(string name, Func<LastRelease, CancellationToken, ValueTask> onLastRelease, Action<ReferenceOptions>? configure = null) =>
        Started.References(name, onLastRelease, configure);

    public EventSource OpenSource(string name, AckMode mode = AckMode.AfterFlush, OnFenced onFenced = OnFenced.Resend, long start = 0) => Started.OpenSource(name, mode, onFenced, start);

    public ValueTask FlushAsync(CancellationToken cancellation = default) => Started.FlushAsync(cancellation);

    public ValueTask QuiesceAsync(CancellationToken cancellation = default) => Started.QuiesceAsync(cancellation);

    public ValueTask<EngineHealth> CheckHealthAsync(CancellationToken cancellation = default) =>
        Volatile.Read(ref _engine) is { } engine ? engine.CheckHealthAsync(cancellation) : ValueTask.FromResult(new EngineHealth(false, ImmutableArray<UnreachableServer>.Empty, TimeSpan.Zero, 0, 0));

    public ValueTask<ShutdownReport> StopAsync(TimeSpan deadline, CancellationToken cancellation = default) => Started.StopAsync(deadline, cancellation);

    /// <summary>A host that was never stopped, or did not come up, disposes of its services.</summary>
    public ValueTask DisposeAsync() => Volatile.Read(ref _engine) is { } engine ? engine.DisposeAsync() : ValueTask.CompletedTask;
}
