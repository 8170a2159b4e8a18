using System.Collections.Immutable;
using Sluice.Aggregates;
using Sluice.Caching;
using Sluice.Coordination;
using Sluice.Flushing;
using Sluice.Running;

namespace Sluice;

/// <summary>
/// Merges events into an aggregate, per key, and looks after its sessions. Made by <see cref="SluiceEngine.Aggregate"/>.
/// </summary>
/// <remarks>Thread-safe. Merging an existing key takes no lock and allocates nothing.</remarks>
/// <typeparam name="TKey">The key: what the resources are named by.</typeparam>
/// <typeparam name="TValue">The aggregate.</typeparam>
/// <typeparam name="TEvent">One event's contribution.</typeparam>
public sealed partial class Aggregator<TKey, TValue, TEvent> : IAggregator<TKey, TValue, TEvent>
    where TKey : notnull
    where TValue : class
    where TEvent : struct
{
    private readonly SluiceEngine _engine;
    private readonly AggregateRuntime _runtime;
    private readonly AggregateDefinition<TKey, TValue, TEvent> _definition;
    private readonly MergeCache<TKey, TEvent> _cache;
    private readonly FencePolicy _fence;
    private int _sourceKind;

    internal Aggregator(
        SluiceEngine engine, AggregateRuntime runtime, AggregateDefinition<TKey, TValue, TEvent> definition, MergeCache<TKey, TEvent> cache)
    {
        _engine = engine;
        _runtime = runtime;
        _definition = definition;
        _cache = cache;
        _fence = runtime.FencePolicy;
    }

    /// <summary>Local sessions in memory.</summary>
    public int Count => _cache.Count;

    /// <summary>Events merged since the start.</summary>
    public long Merges => _cache.Counters.Merges;

    /// <summary>Writes to the coordinator that those events became: resources in acknowledged batches.</summary>
    public long Writes => _runtime.Writes;

    /// <summary>Sessions that this engine completed.</summary>
    public long Completions => _runtime.Completions;

    /// <summary>The earliest deadline of a local session in ticks of the session clock, never later than the true one; <see cref="long.MaxValue"/> when there is none.</summary>
    public long NextSessionDeadlineTicks => _cache.NextDeadline;

    internal AggregateRuntime Runtime => _runtime;

    /// <summary>Merges one event. Never blocks; allocates nothing for a key that has a session in memory.</summary>
    /// <param name="key">The resource: 1 to 512 bytes of UTF-8 for strings.</param>
    /// <param name="contribution">The event; it is copied.</param>
    /// <returns>
    /// True: merged, and it will reach the coordinator unless the process dies, a lane ends by a fault (<see cref="FlushAsync(CancellationToken)"/> says
    /// so), or the engine is stopped with a deadline that is too short (the report says so). False: there is no room because the coordinator doesn't keep up, or the engine is stopping;
    /// nothing was merged.
    /// </returns>
    /// <exception cref="FieldOverflowException">A field would overflow; nothing was merged.</exception>
    /// <exception cref="OpaqueStateException">The code of an opaque field threw while it made room for the event; nothing was merged.</exception>
    /// <exception cref="ArgumentException">The key is empty, too long, or not faithful UTF-8.</exception>
    public bool TryMerge(TKey key, in TEvent contribution)
    {
        CheckUnsourced();
        return _cache.TryMerge(key, in contribution, 0) == MergeAnswer.Merged;
    }

    /// <summary>As <see cref="TryMerge(TKey, in TEvent)"/>, for an event of a source: the source's watermark waits for it.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="contribution">The event.</param>
    /// <param name="at">The event's place, made by <see cref="EventSource.At"/> right before this call.</param>
    /// <exception cref="InvalidOperationException">The sources of one aggregate must agree on <see cref="OnFenced"/>.</exception>
    public bool TryMerge(TKey key, in TEvent contribution, SourcePosition at)
    {
        CheckSource(at);
        return _cache.TryMerge(key, in contribution, at.Epoch) == MergeAnswer.Merged;
    }

    /// <summary>As <see cref="TryMerge(TKey, in TEvent)"/>, for string keys; makes a string only for a new session.</summary>
    /// <param name="key">The key's characters; not kept.</param>
    /// <param name="contribution">The event.</param>
    /// <exception cref="NotSupportedException">The keys are not strings.</exception>
    public bool TryMerge(ReadOnlySpan<char> key, in TEvent contribution)
    {
        CheckUnsourced();
        return _cache.TryMerge(key, in contribution, 0) == MergeAnswer.Merged;
    }

    /// <summary>As <see cref="TryMerge(TKey, in TEvent)"/>, for string keys in UTF-8; makes a string only for a new session.</summary>
    /// <param name="utf8Key">The key's bytes; not kept.</param>
    /// <param name="contribution">The event.</param>
    /// <exception cref="NotSupportedException">The keys are not strings.</exception>
    public bool TryMerge(ReadOnlySpan<byte> utf8Key, in TEvent contribution)
    {
        CheckUnsourced();
        return _cache.TryMerge(utf8Key, in contribution, 0) == MergeAnswer.Merged;
    }

    /// <summary>Merges events in order until one finds no room.</summary>
    /// <param name="events">Keys and events; not kept.</param>
    /// <returns>How many were merged: the first that many of <paramref name="events"/>.</returns>
    public int TryMerge(ReadOnlySpan<KeyValuePair<TKey, TEvent>> events)
    {
        CheckUnsourced();
        return _cache.TryMerge(events, 0, out _);
    }

    /// <summary>As <see cref="TryMerge(ReadOnlySpan{KeyValuePair{TKey, TEvent}})"/>, for events of a source, all at one place.</summary>
    /// <param name="events">Keys and events; not kept.</param>
    /// <param name="at">The place of the first of them; the next call of <see cref="EventSource.At"/> says that all are merged.</param>
    public int TryMerge(ReadOnlySpan<KeyValuePair<TKey, TEvent>> events, SourcePosition at)
    {
        CheckSource(at);
        return _cache.TryMerge(events, at.Epoch, out _);
    }

    /// <summary>Merges one event; waits while there is no room, or throws at once, as <see cref="EngineOptions.FullMode"/> says.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="contribution">The event.</param>
    /// <param name="cancellation">Stops waiting; nothing was merged then.</param>
    /// <exception cref="FieldOverflowException">A field would overflow; nothing was merged.</exception>
    /// <exception cref="OpaqueStateException">The code of an opaque field threw while it made room for the event; nothing was merged.</exception>
    /// <exception cref="ArgumentException">The key is empty, too long, or not faithful UTF-8.</exception>
    /// <exception cref="EngineFaultException">There is no room, and there will be none: a lane has ended by a fault. Nothing was merged.</exception>
    /// <exception cref="CacheFullException">There is no room, and the mode is not to wait.</exception>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    public ValueTask MergeAsync(TKey key, TEvent contribution, CancellationToken cancellation = default)
    {
        CheckUnsourced();
        return MergeAsync(key, contribution, null, 0, cancellation);
    }

    /// <summary>As <see cref="MergeAsync(TKey, TEvent, CancellationToken)"/>, for an event of a source.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="contribution">The event.</param>
    /// <param name="at">The event's place.</param>
    /// <param name="cancellation">Stops waiting; nothing was merged then.</param>
    /// <exception cref="SourceFencedException">The source was fenced before there was room; nothing was merged.</exception>
    public ValueTask MergeAsync(TKey key, TEvent contribution, SourcePosition at, CancellationToken cancellation = default)
    {
        CheckSource(at);
        return MergeAsync(key, contribution, at.Source, at.Epoch, cancellation);
    }

    private ValueTask MergeAsync(TKey key, TEvent contribution, EventSource? source, long epoch, CancellationToken cancellation)
    {
        MergeAnswer answer = _cache.TryMerge(key, in contribution, epoch);
        return answer == MergeAnswer.Merged ? ValueTask.CompletedTask : MergeSlowlyAsync(key, contribution, source, epoch, cancellation);
    }

    private async ValueTask MergeSlowlyAsync(TKey key, TEvent contribution, EventSource? source, long epoch, CancellationToken cancellation)
    {
        while (true)
        {
            // It may have been fenced during the wait: then the broker has delivered the event to somebody else.
            if (source is { IsFenced: true })
                throw new SourceFencedException(source.Name);
            Task room = _runtime.Room.Next;
            switch (_cache.TryMerge(key, in contribution, epoch))
            {
                case MergeAnswer.Merged:
                    return;
                case MergeAnswer.Closed:
                    throw new ObjectDisposedException(nameof(SluiceEngine), "The engine is stopping; the event was not merged.");
                default:
                    _runtime.ThrowIfFaulted();
                    if (_engine.Options.FullMode == FullMode.Fail)
                        throw new CacheFullException(_definition.Schema.Name);
                    await room.WaitAsync(cancellation).ConfigureAwait(false);
                    break;
            }
        }
    }

    private void CheckUnsourced()
    {
        if (_fence.Discards)
            throw new InvalidOperationException($"Aggregate '{_definition.Schema.Name}' is fed by sources that discard when fenced: every event needs its source, or it would be dropped with theirs.");
    }

    /// <summary>
    /// The first source decides for the aggregate. Consumers of several sources may begin at the same time: each that agrees writes the policy itself
    /// before it merges, so that none merges under the other policy.
    /// </summary>
    private void CheckSource(SourcePosition at)
    {
        if (at.Source is not { } source)
            throw new ArgumentException("The position was not made by EventSource.At.", nameof(at));
        if (source.Epochs != _engine.Epochs)
            throw new ArgumentException($"The source '{source.Name}' belongs to another engine: its watermark would not wait for this event.", nameof(at));
        if (source.IsFenced)
            throw new SourceFencedException(source.Name);
        bool discards = source.WhenFenced == OnFenced.Discard;
        int kind = discards ? DiscardingSources : ResendingSources;
        if (Volatile.Read(ref _sourceKind) == kind && discards == _fence.Discards)
            return;

        // The merges first: those of a source follow its registration, so merges that are seen before one were without a source.
        if (discards && Merges != 0 && Volatile.Read(ref _sourceKind) == NoSource)
            throw new InvalidOperationException($"Aggregate '{_definition.Schema.Name}' has merged events without a source; a source that discards when fenced would drop them.");
        int before = Interlocked.CompareExchange(ref _sourceKind, kind, NoSource);
        if (before != NoSource && before != kind)
            throw new InvalidOperationException($"The sources of aggregate '{_definition.Schema.Name}' must agree on what happens when the engine was fenced (OnFenced).");
        _fence.Discards = discards;
    }

    private const int NoSource = 0;
    private const int ResendingSources = 1;
    private const int DiscardingSources = 2;
}
