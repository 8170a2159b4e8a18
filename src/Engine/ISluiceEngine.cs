namespace Sluice;

/// <summary>What applications use of an engine, for those who want to replace it in their tests.</summary>
/// <remarks>Thread-safe, as whatever replaces it should be.</remarks>
public interface ISluiceEngine : IAsyncDisposable
{
    /// <summary>See <see cref="SluiceEngine.Dogpile"/>.</summary>
    DogpileCache Dogpile { get; }

    /// <summary>See <see cref="SluiceEngine.CreationMutex"/>.</summary>
    ICreationMutex CreationMutex { get; }

    /// <summary>See <see cref="SluiceEngine.Locks"/>.</summary>
    ILockService Locks { get; }

    /// <summary>See <see cref="SluiceEngine.Aggregate"/>, which also has the forms for spans and batches: that of the engine itself returns the class.</summary>
    /// <typeparam name="TKey">The key.</typeparam>
    /// <typeparam name="TValue">The aggregate.</typeparam>
    /// <typeparam name="TEvent">One event's contribution.</typeparam>
    /// <param name="definition">The generated definition.</param>
    /// <param name="configure">Sets the completion handler and what differs from the engine's options.</param>
    IAggregator<TKey, TValue, TEvent> Aggregate<TKey, TValue, TEvent>(
        Aggregates.AggregateDefinition<TKey, TValue, TEvent> definition, Action<AggregateOptions<TValue>>? configure = null)
        where TKey : notnull
        where TValue : class
        where TEvent : struct;

    /// <summary>See <see cref="SluiceEngine.References"/>.</summary>
    /// <param name="name">What engines have in common.</param>
    /// <param name="onLastRelease">Runs when nobody holds a resource any more.</param>
    /// <param name="configure">Changes how callbacks run.</param>
    IReferenceSet References(string name, Func<LastRelease, CancellationToken, ValueTask> onLastRelease, Action<ReferenceOptions>? configure = null);

    /// <summary>See <see cref="SluiceEngine.OpenSource"/>.</summary>
    /// <param name="name">For logs and errors.</param>
    /// <param name="mode">When an event counts as done.</param>
    /// <param name="onFenced">What happens to unflushed events when this engine was away and has been replaced.</param>
    /// <param name="start">The first position.</param>
    EventSource OpenSource(string name, AckMode mode = AckMode.AfterFlush, OnFenced onFenced = OnFenced.Resend, long start = 0);

    /// <summary>See <see cref="SluiceEngine.FlushAsync"/>.</summary>
    /// <param name="cancellation">Stops waiting.</param>
    ValueTask FlushAsync(CancellationToken cancellation = default);

    /// <summary>See <see cref="SluiceEngine.QuiesceAsync"/>.</summary>
    /// <param name="cancellation">Stops waiting.</param>
    ValueTask QuiesceAsync(CancellationToken cancellation = default);

    /// <summary>See <see cref="SluiceEngine.CheckHealthAsync"/>.</summary>
    /// <param name="cancellation">Gives up asking.</param>
    ValueTask<EngineHealth> CheckHealthAsync(CancellationToken cancellation = default);

    /// <summary>See <see cref="SluiceEngine.StopAsync"/>.</summary>
    /// <param name="deadline">How long it may take.</param>
    /// <param name="cancellation">As the deadline, at once.</param>
    ValueTask<ShutdownReport> StopAsync(TimeSpan deadline, CancellationToken cancellation = default);
}
