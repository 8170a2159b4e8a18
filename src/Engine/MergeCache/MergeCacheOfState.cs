using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;
using Sluice.Aggregates;
using Sluice.Flushing;
using Sluice.Hashing;

namespace Sluice.Caching;

/// <summary>
/// The merge cache of one aggregate: a table of resident sessions in which an existing key is merged without a lock and without allocating, and
/// stripes under whose locks sessions begin, end and are flushed. docs/merge-cache.md tells why nothing is lost.
/// </summary>
internal sealed partial class MergeCache<TKey, TEvent, TState> : MergeCache<TKey, TEvent>
    where TKey : notnull
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>
{
    private readonly CacheParts<TKey, TEvent, TState> _parts;
    private readonly CacheStripe<TKey, TEvent, TState>[] _stripes;
    private readonly StripeSet _stripeOf;
    private readonly KeyEquality<TKey> _keys;
    private readonly FlushEpochs _epochs;
    private readonly SessionClock _clock;

    public MergeCache(
        AggregateSchema schema, KeyCodec<TKey> keys, MergeCacheOptions options, IFlushSink sink, FlushEpochs epochs, StateFolding<TState>? folding = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Capacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Partitions, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Partitions, ushort.MaxValue + 1); // an entry keeps the number in 16 bits
        ArgumentOutOfRangeException.ThrowIfLessThan(options.SoftTicks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.HardTicks, 1);
        _parts = new(schema, keys, options, sink, epochs, new(keys.Comparer), new(options.Capacity), folding);
        _keys = _parts.Equality;
        _epochs = epochs;
        _clock = options.Clock;
        _stripes = new CacheStripe<TKey, TEvent, TState>[StripeSet.CountFor(options.Capacity, Environment.ProcessorCount)];
        for (int i = 0; i < _stripes.Length; i++)
            _stripes[i] = new(_parts);
        _stripeOf = new StripeSet(_stripes.Length);
    }

    /// <inheritdoc/>
    public override int Count => _parts.Places.Taken;

    /// <inheritdoc/>
    public override long NextDeadline
    {
        get
        {
            long earliest = long.MaxValue;
            foreach (CacheStripe<TKey, TEvent, TState> stripe in _stripes)
                earliest = Math.Min(earliest, stripe.Earliest);
            return earliest;
        }
    }

    /// <inheritdoc/>
    public override long SessionBytes
    {
        get
        {
            long bytes = 0;
            foreach (CacheStripe<TKey, TEvent, TState> stripe in _stripes)
            {
                using (stripe.Enter())
                    bytes += stripe.SessionBytes;
            }

            return bytes;
        }
    }

    /// <summary>Visits every resident entry: for meters that are read every few seconds, not for every operation.</summary>
    public override MergeCacheCounters Counters
    {
        get
        {
            MergeCacheCounters sum = default;
            foreach (CacheStripe<TKey, TEvent, TState> stripe in _stripes)
            {
                using (stripe.Enter())
                    sum = stripe.CountsAddedTo(in sum);
            }

            return sum;
        }
    }

    /// <inheritdoc/>
    public override MergeAnswer TryMerge(TKey key, in TEvent contribution, long epoch)
    {
        // Before the merge, never after: an epoch that began in between would call the event newer than it is, and a watermark could pass it.
        if (epoch == 0)
            epoch = _epochs.Current;
        ulong hash = _keys.Hash(key);
        CacheStripe<TKey, TEvent, TState> stripe = StripeOf(hash);
        ref CacheEntry<TKey, TEvent, TState> entry = ref stripe.Find(key, hash, out ulong seen);
        if (!Unsafe.IsNullRef(ref entry))
        {
            Schedule.Point(Step.Found);
            if (stripe.IsClosed)
                return MergeAnswer.Closed;
            if (stripe.TryMerge(ref entry, seen, in contribution, epoch, _clock.NowTicks) == Attempt.Merged)
                return MergeAnswer.Merged;
        }

        return MergeIntoNewSession(key, hash, in contribution, epoch);
    }

    /// <inheritdoc/>
    public override MergeAnswer TryMerge(ReadOnlySpan<char> key, in TEvent contribution, long epoch)
    {
        if (!_keys.FindsSpans)
            return TryMerge(StringKey(key), in contribution, epoch);
        if (epoch == 0)
            epoch = _epochs.Current;
        ulong hash = _keys.Hash(key);
        CacheStripe<TKey, TEvent, TState> stripe = StripeOf(hash);
        ref CacheEntry<TKey, TEvent, TState> entry = ref stripe.Find(key, hash, out ulong seen);
        if (!Unsafe.IsNullRef(ref entry))
        {
            Schedule.Point(Step.Found);
            if (stripe.IsClosed)
                return MergeAnswer.Closed;
            if (stripe.TryMerge(ref entry, seen, in contribution, epoch, _clock.NowTicks) == Attempt.Merged)
                return MergeAnswer.Merged;
        }

        return MergeIntoNewSession(StringKey(key), hash, in contribution, epoch);
    }

    /// <inheritdoc/>
    [SkipLocalsInit]
    public override MergeAnswer TryMerge(ReadOnlySpan<byte> utf8Key, in TEvent contribution, long epoch)
    {
        if (utf8Key.Length > KeyCodec.MaxBytes)
            throw new ArgumentException($"A key must have at most {KeyCodec.MaxBytes} bytes of UTF-8; this one has {utf8Key.Length}.", nameof(utf8Key));

        // A UTF-8 byte becomes at most one UTF-16 unit.
        Span<char> key = stackalloc char[KeyCodec.MaxBytes];
        if (Utf8.ToUtf16(utf8Key, key, out _, out int length, replaceInvalidSequences: false) != OperationStatus.Done)
            throw new ArgumentException("A key must be valid UTF-8.", nameof(utf8Key));
        return TryMerge(key[..length], in contribution, epoch);
    }

    /// <inheritdoc/>
    public override bool TryFlush(TKey key, FlushWaiter? waiter)
    {
        ulong hash = _keys.Hash(key);
        CacheStripe<TKey, TEvent, TState> stripe = StripeOf(hash);
        using (stripe.Enter())
        {
            int index = stripe.IndexOf(key, hash);
            return index < 0 || stripe.TryFlush(index, long.MaxValue, waiter);
        }
    }

    /// <inheritdoc/>
    public override bool TryFlushDirty(long upToEpoch)
    {
        bool all = true;
        foreach (CacheStripe<TKey, TEvent, TState> stripe in _stripes)
        {
            using (stripe.Enter())
                all &= stripe.TryFlushDirty(upToEpoch);
        }

        return all;
    }

    /// <inheritdoc/>
    [SkipLocalsInit]
    public override bool TryExpire(TKey key, bool force, FlushWaiter? waiter)
    {
        Span<byte> buffer = stackalloc byte[KeyCodec.MaxBytes];
        ReadOnlySpan<byte> utf8 = buffer[.._parts.Keys.Encode(key, buffer)];
        ulong hash = _keys.Hash(key);
        CacheStripe<TKey, TEvent, TState> stripe = StripeOf(hash);
        using (stripe.Enter())
        {
            int index = stripe.IndexOf(key, hash);
            if (index < 0)
                return !force || stripe.TryForce(utf8, PartitionOf(utf8), waiter);
            return stripe.TryEnd(index, force ? CompletionReason.Forced : CompletionReason.Expired, force, waiter);
        }
    }

    /// <inheritdoc/>
    public override bool TrySweep(out int expired)
    {
        long now = _clock.ReadExactTicks();
        bool all = true;
        expired = 0;
        foreach (CacheStripe<TKey, TEvent, TState> stripe in _stripes)
        {
            if (stripe.Earliest > now)
                continue;
            using (stripe.Enter())
                all &= stripe.TrySweep(now, ref expired);
        }

        return all;
    }

    /// <inheritdoc/>
    public override bool TryExpireAll(CompletionReason reason, out int expired)
    {
        bool all = true;
        expired = 0;
        foreach (CacheStripe<TKey, TEvent, TState> stripe in _stripes)
        {
            using (stripe.Enter())
                all &= stripe.TryEndAll(reason, ref expired);
        }

        return all;
    }

    /// <inheritdoc/>
    public override void Close()
    {
        foreach (CacheStripe<TKey, TEvent, TState> stripe in _stripes)
        {
            using (stripe.Enter())
                stripe.Close();
        }
    }

    /// <inheritdoc/>
    public override int DiscardDeltas()
    {
        int dropped = 0;
        foreach (CacheStripe<TKey, TEvent, TState> stripe in _stripes)
        {
            using (stripe.Enter())
                dropped += stripe.DiscardDeltas();
        }

        return dropped;
    }

    private static TKey StringKey(ReadOnlySpan<char> key) => typeof(TKey) == typeof(string)
        ? (TKey)(object)key.ToString()
        : throw new NotSupportedException($"Only string keys can be given as text; the key of this aggregate is {typeof(TKey)}.");

    private CacheStripe<TKey, TEvent, TState> StripeOf(ulong hash) =>
        Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_stripes), _stripeOf.IndexOf(hash));

    private int PartitionOf(ReadOnlySpan<byte> key) => (int)(XxHash64.Hash(key) % (uint)_parts.Options.Partitions);

    /// <summary>The event's key has no entry, or one whose session is over.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private MergeAnswer MergeIntoNewSession(TKey key, ulong hash, in TEvent contribution, long epoch)
    {
        Span<byte> utf8 = stackalloc byte[KeyCodec.MaxBytes];
        int partition = PartitionOf(utf8[.._parts.Keys.Encode(key, utf8)]);
        int stripeIndex = _stripeOf.IndexOf(hash);
        CacheStripe<TKey, TEvent, TState> stripe = _stripes[stripeIndex];
        bool hasPlace = false;
        try
        {
            while (true)
            {
                int crowded;
                using (stripe.Enter())
                {
                    if (MergeUnderGate(stripe, key, hash, partition, in contribution, epoch, ref hasPlace, out crowded) is { } answer)
                        return answer;
                }

                if (crowded >= 0)
                {
                    stripe.Fold(crowded);
                    continue;
                }

                // Every place is taken, and none by an entry of this stripe.
                hasPlace = TryTakePlaceBeyond(stripeIndex);
                if (!hasPlace)
                {
                    using (stripe.Enter())
                        stripe.CountRefusal();
                    return MergeAnswer.Full;
                }
            }
        }
        finally
        {
            if (hasPlace)
                _parts.Places.Release();
        }
    }

    /// <summary>
    /// Null when room can only be made without the gate: in the key's own entry, which then is <paramref name="crowded"/>, or in another stripe, whose
    /// gate must not be taken under this one.
    /// </summary>
    private MergeAnswer? MergeUnderGate(
        CacheStripe<TKey, TEvent, TState> stripe, TKey key, ulong hash, int partition, in TEvent contribution, long epoch, ref bool hasPlace,
        out int crowded)
    {
        crowded = -1;
#if SLUICE_MUTANTS
        if (stripe.IsClosed && !Schedule.Is(Mutant.NewSessionAfterClose))
#else
        if (stripe.IsClosed)
#endif
            return MergeAnswer.Closed;
        int index;
        while ((index = stripe.IndexOf(key, hash)) >= 0)
        {
            Attempt attempt = stripe.TryMerge(index, in contribution, epoch, _clock.ReadExactTicks());
            if (attempt == Attempt.Merged)
                return MergeAnswer.Merged;
            if (attempt == Attempt.Crowded)
            {
                crowded = index;
                return null;
            }

            // Not sealed, since this is under the gate: past its deadline. The old session leaves before the new one begins.
            Ending ending = stripe.EndIfDue(index, _clock.ReadExactTicks());
            if (ending == Ending.Refused)
            {
                stripe.CountRefusal();
                return MergeAnswer.Full;
            }

            if (ending == Ending.Ended)
            {
                if (hasPlace)
                    _parts.Places.Release();
                hasPlace = true;
            }
        }

        long now = _clock.ReadExactTicks();
        if (!hasPlace && !_parts.Places.TryTake())
        {
            if (stripe.Count == 0)
                return null;
            if (!stripe.TryEvict(now))
            {
                stripe.CountRefusal();
                return MergeAnswer.Full;
            }
        }

        // The place is this call's until Create returns, and the entry's from then on.
        hasPlace = true;
        stripe.Create(key, (uint)hash, partition, in contribution, epoch, now);
        hasPlace = false;
        return MergeAnswer.Merged;
    }

    private bool TryTakePlaceBeyond(int index)
    {
        for (int i = 1; i < _stripes.Length; i++)
        {
            if (_parts.Places.TryTake())
                return true;
            CacheStripe<TKey, TEvent, TState> other = _stripes[(index + i) & (_stripes.Length - 1)];
            using (other.Enter())
            {
                if (other.Count > 0 && other.TryEvict(_clock.ReadExactTicks()))
                    return true;
            }
        }

        return false;
    }
}
