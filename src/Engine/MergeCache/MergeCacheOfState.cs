using Sluice.Aggregates;
using Sluice.Flushing;

namespace Sluice.Caching;

internal sealed class MergeCache<TKey, TEvent, TState>(AggregateSchema schema, KeyCodec<TKey> keys, MergeCacheOptions options, IFlushSink sink, FlushEpochs epochs) : MergeCache<TKey, TEvent>
    where TKey : notnull
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>
{
    public override int Count => throw new NotSupportedException($"{schema}{keys}{options}{sink}{epochs.Current}");
    public override long NextDeadline => throw new NotSupportedException();
    public override MergeCacheCounters Counters => throw new NotSupportedException();
    public override MergeAnswer TryMerge(TKey key, in TEvent contribution, int epoch) => throw new NotSupportedException();
    public override MergeAnswer TryMerge(ReadOnlySpan<char> key, in TEvent contribution, int epoch) => throw new NotSupportedException();
    public override MergeAnswer TryMerge(ReadOnlySpan<byte> utf8Key, in TEvent contribution, int epoch) => throw new NotSupportedException();
    public override int TryMerge(ReadOnlySpan<KeyValuePair<TKey, TEvent>> events, int epoch, out MergeAnswer last) => throw new NotSupportedException();
    public override bool TryFlush(TKey key, FlushWaiter? waiter) => throw new NotSupportedException();
    public override bool TryFlushDirty(int upToEpoch) => throw new NotSupportedException();
    public override bool TryExpire(TKey key, bool force, FlushWaiter? waiter) => throw new NotSupportedException();
    public override bool TrySweep(out int expired) => throw new NotSupportedException();
    public override bool TryExpireAll(CompletionReason reason, out int expired) => throw new NotSupportedException();
    public override void Close() => throw new NotSupportedException();
    public override int DiscardDeltas() => throw new NotSupportedException();
}
