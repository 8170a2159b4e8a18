namespace Sluice;

/// <summary>What applications use of an aggregator, for those who want to replace it in their tests. The hot path is on the sealed class.</summary>
/// <remarks>Thread-safe, as whatever replaces it should be.</remarks>
/// <typeparam name="TKey">The key.</typeparam>
/// <typeparam name="TValue">The aggregate.</typeparam>
/// <typeparam name="TEvent">One event's contribution.</typeparam>
public interface IAggregator<TKey, TValue, TEvent>
    where TKey : notnull
    where TValue : class
    where TEvent : struct
{
    /// <summary>See <see cref="Aggregator{TKey,TValue,TEvent}.TryMerge(TKey, in TEvent)"/>.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="contribution">The event.</param>
    bool TryMerge(TKey key, in TEvent contribution);

    /// <summary>See <see cref="Aggregator{TKey,TValue,TEvent}.TryMerge(TKey, in TEvent, SourcePosition)"/>.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="contribution">The event.</param>
    /// <param name="at">The event's place.</param>
    bool TryMerge(TKey key, in TEvent contribution, SourcePosition at);

    /// <summary>See <see cref="Aggregator{TKey,TValue,TEvent}.MergeAsync(TKey, TEvent, CancellationToken)"/>.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="contribution">The event.</param>
    /// <param name="cancellation">Stops waiting.</param>
    ValueTask MergeAsync(TKey key, TEvent contribution, CancellationToken cancellation = default);

    /// <summary>See <see cref="Aggregator{TKey,TValue,TEvent}.MergeAsync(TKey, TEvent, SourcePosition, CancellationToken)"/>.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="contribution">The event.</param>
    /// <param name="at">The event's place.</param>
    /// <param name="cancellation">Stops waiting.</param>
    ValueTask MergeAsync(TKey key, TEvent contribution, SourcePosition at, CancellationToken cancellation = default);

    /// <summary>See <see cref="Aggregator{TKey,TValue,TEvent}.FlushAsync(CancellationToken)"/>.</summary>
    /// <param name="cancellation">Stops waiting.</param>
    ValueTask FlushAsync(CancellationToken cancellation = default);

    /// <summary>See <see cref="Aggregator{TKey,TValue,TEvent}.PeekAsync"/>.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask<TValue?> PeekAsync(TKey key, CancellationToken cancellation = default);

    /// <summary>See <see cref="Aggregator{TKey,TValue,TEvent}.ExpireAsync"/>.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="cancellation">Stops waiting.</param>
    ValueTask ExpireAsync(TKey key, CancellationToken cancellation = default);

    /// <summary>See <see cref="Aggregator{TKey,TValue,TEvent}.ForceExpireAsync"/>.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="cancellation">Stops waiting.</param>
    ValueTask ForceExpireAsync(TKey key, CancellationToken cancellation = default);

    /// <summary>See <see cref="Aggregator{TKey,TValue,TEvent}.ExpireAllAsync"/>.</summary>
    /// <param name="cancellation">Stops waiting.</param>
    ValueTask ExpireAllAsync(CancellationToken cancellation = default);
}
