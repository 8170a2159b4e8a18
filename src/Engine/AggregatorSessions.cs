using Sluice.Coordination;
using Sluice.Flushing;
using Sluice.Running;

namespace Sluice;

/// <summary>Flush, peek, expire: what happens to sessions besides merging.</summary>
public sealed partial class Aggregator<TKey, TValue, TEvent>
{
    /// <summary>Returns when the coordinator has everything that was merged before the call.</summary>
    /// <param name="cancellation">Stops waiting; the flush goes on.</param>
    /// <exception cref="EngineFaultException">A lane has ended by a fault: what it had taken will not get there.</exception>
    /// <exception cref="ObjectDisposedException">The engine was stopped before the coordinator had everything.</exception>
    public async ValueTask FlushAsync(CancellationToken cancellation = default)
    {
        // Only what is of the epochs until now: what is merged meanwhile must not keep the call from returning.
        long upTo = _engine.Epochs.Current;
        _engine.Epochs.TryAdvance();
        await _runtime.FlushAsync(upTo, cancellation).ConfigureAwait(false);
    }

    /// <summary>Returns when the coordinator has everything that was merged into this key before the call: it survives this process then.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="cancellation">Stops waiting; the flush goes on.</param>
    /// <exception cref="EngineFaultException">A lane has ended by a fault: what it had taken will not get there.</exception>
    /// <exception cref="ObjectDisposedException">The engine was stopped before the coordinator had everything.</exception>
    public async ValueTask FlushAsync(TKey key, CancellationToken cancellation = default)
    {
        Lane lane = LaneOf(key, out _);
        await EmitAsync(lane, waiter => _cache.TryFlush(key, waiter), cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// The live global value of the open session as the coordinator has it: what all processes have flushed. What this process merged since its last
    /// flush is not in it; call <see cref="FlushAsync(TKey, CancellationToken)"/> first to read your own merges.
    /// </summary>
    /// <param name="key">The resource.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Null when no session is open, or nothing was flushed yet. A session that is being completed is not open.</returns>
    /// <exception cref="CoordinatorException">The coordinator could not answer.</exception>
    /// <exception cref="OpaqueStateException">The code of an opaque field threw.</exception>
    public async ValueTask<TValue?> PeekAsync(TKey key, CancellationToken cancellation = default)
    {
        Lane lane = LaneOf(key, out ResourceKey resource);
        PeekReply reply = await _runtime.SendAsync(lane.Partition, new PeekRequest([resource]), cancellation).ConfigureAwait(false);
        PeekedResource found = reply.Resources[0];
        return found.Generation == 0 ? null : _definition.Read(key, found.Open.Span);
    }

    /// <summary>Ends this process's session of a key, and the global one if nobody else holds the key. Returns when the coordinator has it.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="cancellation">Stops waiting; the session ends all the same.</param>
    /// <exception cref="EngineFaultException">A lane has ended by a fault: what it had taken will not get there.</exception>
    /// <exception cref="ObjectDisposedException">The engine was stopped before the coordinator had everything.</exception>
    public async ValueTask ExpireAsync(TKey key, CancellationToken cancellation = default)
    {
        Lane lane = LaneOf(key, out _);
        await EmitAsync(lane, waiter => _cache.TryExpire(key, force: false, waiter), cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Completes the global session of a key now, although other processes may hold it: what they add later belongs to the next one. Returns when the
    /// coordinator has it; the completion follows.
    /// </summary>
    /// <param name="key">The resource; this process need not hold it.</param>
    /// <param name="cancellation">Stops waiting; the session ends all the same.</param>
    /// <exception cref="EngineFaultException">A lane has ended by a fault: what it had taken will not get there.</exception>
    /// <exception cref="ObjectDisposedException">The engine was stopped before the coordinator had everything.</exception>
    public async ValueTask ForceExpireAsync(TKey key, CancellationToken cancellation = default)
    {
        Lane lane = LaneOf(key, out _);
        await EmitAsync(lane, waiter => _cache.TryExpire(key, force: true, waiter), cancellation).ConfigureAwait(false);
    }

    /// <summary>Ends all sessions of this process. Returns when the coordinator has them.</summary>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="EngineFaultException">A lane has ended by a fault: what it had taken will not get there.</exception>
    /// <exception cref="ObjectDisposedException">The engine was stopped before the coordinator had everything.</exception>
    public async ValueTask ExpireAllAsync(CancellationToken cancellation = default)
    {
        await _runtime.UntilTakenAsync(static cache => cache.TryExpireAll(CompletionReason.Expired, out _), cancellation).ConfigureAwait(false);
        await _runtime.DrainLanesAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Ends the sessions whose deadline has come by the session clock. Returns when the coordinator has them. The engine does so by itself every
    /// <see cref="EngineOptions.SessionSweepInterval"/>; with an event-time clock a caller may want it before the clock moves on.
    /// </summary>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="EngineFaultException">A lane has ended by a fault: what it had taken will not get there.</exception>
    /// <exception cref="ObjectDisposedException">The engine was stopped before the coordinator had everything.</exception>
    public async ValueTask SweepAsync(CancellationToken cancellation = default)
    {
        await _runtime.UntilTakenAsync(static cache => cache.TrySweep(out _), cancellation).ConfigureAwait(false);
        await _runtime.DrainLanesAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Stops handing sessions to this engine's completion handler; other engines go on. What is running goes on.</summary>
    public void PauseCompletions() => _runtime.Completer?.Pause();

    /// <summary>Goes on after <see cref="PauseCompletions"/>.</summary>
    public void ResumeCompletions() => _runtime.Completer?.Resume();

    /// <summary>Lists sessions whose completion failed for the last time, and deltas that could not be merged.</summary>
    /// <param name="limit">The most of each partition, 1 or more.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="CoordinatorException">The coordinator could not answer.</exception>
    public ValueTask<IReadOnlyList<DeadLetter>> ListDeadLettersAsync(int limit = 100, CancellationToken cancellation = default) =>
        _runtime.ListDeadLettersAsync(limit, cancellation);

    /// <summary>Gives a dead letter another life: a session is delivered again, a delta is merged again.</summary>
    /// <param name="letter">One of <see cref="ListDeadLettersAsync"/>.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>False when it is gone, when another session of the resource is being completed, or when the delta still can't be merged.</returns>
    public ValueTask<bool> ReplayDeadLetterAsync(DeadLetter letter, CancellationToken cancellation = default) =>
        _runtime.ReplayDeadLetterAsync(letter, Durations.Micros(_engine.Options.Linger), cancellation);

    /// <summary>Deletes a dead letter for good. Sessions that waited behind it go on.</summary>
    /// <param name="letter">One of <see cref="ListDeadLettersAsync"/>.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>False when it was gone.</returns>
    public ValueTask<bool> PurgeDeadLetterAsync(DeadLetter letter, CancellationToken cancellation = default) => _runtime.PurgeDeadLetterAsync(letter, cancellation);

    private Lane LaneOf(TKey key, out ResourceKey resource)
    {
        Span<byte> bytes = stackalloc byte[KeyCodecBytes];
        int length = _definition.Keys.Encode(key, bytes);
        resource = new ResourceKey(bytes[..length]);
        return _runtime.Lanes[resource.Partition(_runtime.Lanes.Length)];
    }

    private const int KeyCodecBytes = Aggregates.KeyCodec.MaxBytes;

    /// <summary>Emits until the lane takes it, then waits for everything that the lane had taken, the emission included.</summary>
    private async ValueTask EmitAsync(Lane lane, Func<FlushWaiter, bool> tryEmit, CancellationToken cancellation)
    {
        FlushWaiter waiter = new();
        try
        {
            await _runtime.UntilTakenAsync(_ => tryEmit(waiter), cancellation).ConfigureAwait(false);
            await lane.BarrierAsync(waiter, cancellation).ConfigureAwait(false);
        }
        finally
        {
            waiter.Release();
        }

        await waiter.Task.WaitAsync(cancellation).ConfigureAwait(false);
        await _runtime.CheckEndAsync(cancellation).ConfigureAwait(false);
    }
}

/// <summary>Something that needs a person: a session that the sink never took, or a delta that could not be merged.</summary>
/// <remarks>An immutable snapshot.</remarks>
public sealed class DeadLetter
{
    internal DeadLetter(DeadLetterEntry entry)
    {
        Key = entry.Resource;
        Id = entry.Id;
        IsCompletion = entry.Kind == DeadLetterKind.Completion;
        Fields = entry.Fields;
        Attempts = entry.Attempts;
        Error = entry.Error;
        At = DateTimeOffset.UnixEpoch.AddTicks(entry.At * TimeSpan.TicksPerMicrosecond);
    }

    /// <summary>The resource's key as text.</summary>
    public string Resource => Key.ToString();

    /// <summary>The generation of a session; a number of its own for a delta.</summary>
    public long Id { get; }

    /// <summary>True for a session, false for a delta.</summary>
    public bool IsCompletion { get; }

    /// <summary>The record or delta in wire form.</summary>
    public ReadOnlyMemory<byte> Fields { get; }

    /// <summary>How often it was tried.</summary>
    public int Attempts { get; }

    /// <summary>The last error.</summary>
    public string Error { get; }

    /// <summary>When it was put aside, by the coordinator's clock.</summary>
    public DateTimeOffset At { get; }

    internal ResourceKey Key { get; }
}
