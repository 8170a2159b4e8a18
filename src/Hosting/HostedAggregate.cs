using Sluice.Aggregates;
using Sluice.Flushing;

namespace Sluice.Hosting;

/// <summary>An aggregate that begins with its engine.</summary>
internal interface IHostedAggregate
{
    /// <summary>Registers it with the engine, which has started.</summary>
    void Begin(SluiceEngine engine);
}

/// <summary>Stands for an aggregate until its engine has started. Thread-safe.</summary>
internal sealed class HostedAggregate<TKey, TValue, TEvent>(
    IServiceProvider services, HostedEngine engine, AggregateDefinition<TKey, TValue, TEvent> definition, Action<AggregateOptions<TValue>, IServiceProvider>? configure)
    : IAggregator<TKey, TValue, TEvent>, IHostedAggregate
    where TKey : notnull
    where TValue : class
    where TEvent : struct
{
    private readonly Lock _gate = new();
    private Aggregator<TKey, TValue, TEvent>? _inner;

    /// <exception cref="InvalidOperationException">The engine has not started.</exception>
    public Aggregator<TKey, TValue, TEvent> Inner => Volatile.Read(ref _inner) ?? BeginOnDemand();

    public void Begin(SluiceEngine started)
    {
        lock (_gate)
        {
            if (_inner is null)
                Volatile.Write(ref _inner, started.Aggregate(definition, options => configure?.Invoke(options, services)));
        }
    }

    public bool TryMerge(TKey key, in TEvent contribution) => Inner.TryMerge(key, contribution);

    public bool TryMerge(TKey key, in TEvent contribution, SourcePosition at) => Inner.TryMerge(key, contribution, at);

    public ValueTask MergeAsync(TKey key, TEvent contribution, CancellationToken cancellation = default) => Inner.MergeAsync(key, contribution, cancellation);

    public ValueTask MergeAsync(TKey key, TEvent contribution, SourcePosition at, CancellationToken cancellation = default) => Inner.MergeAsync(key, contribution, at, cancellation);

    public ValueTask FlushAsync(CancellationToken cancellation = default) => Inner.FlushAsync(cancellation);

    public ValueTask<TValue?> PeekAsync(TKey key, CancellationToken cancellation = default) => Inner.PeekAsync(key, cancellation);

    public ValueTask ExpireAsync(TKey key, CancellationToken cancellation = default) => Inner.ExpireAsync(key, cancellation);

    public ValueTask ForceExpireAsync(TKey key, CancellationToken cancellation = default) => Inner.ForceExpireAsync(key, cancellation);

    public ValueTask ExpireAllAsync(CancellationToken cancellation = default) => Inner.ExpireAllAsync(cancellation);

    /// <summary>An aggregate's options may use what uses another aggregate, which then begins first.</summary>
    private Aggregator<TKey, TValue, TEvent> BeginOnDemand()
    {
        Begin(engine.Started);
        return _inner!;
    }
}
