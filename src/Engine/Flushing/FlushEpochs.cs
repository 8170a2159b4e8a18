namespace Sluice.Flushing;

/// <summary>
/// Counts what is unacknowledged per flush epoch, so that a watermark costs a number an entry and nothing per event.
/// </summary>
/// <remarks>
/// <para>An epoch is a number that grows by one each time the engine begins to flush everything, which may be a thousand times a second: 32 bits would
/// last for weeks. An entry that becomes dirty takes one count of
/// the epoch that was current <em>before</em> its first unflushed event was merged; the count travels with the delta (entry, item, batch) and is
/// returned when the coordinator acknowledges the batch. <see cref="OldestPending"/> is the oldest epoch with a count: every event of an older
/// epoch is acknowledged.</para>
/// <para>A late merge can take a count of an epoch older than the oldest pending one (its thread slept between reading the epoch and merging).
/// Sources close that window: a source's watermark never passes the position that is being merged (see <see cref="EventSource"/>).</para>
/// <para>The counts live in a ring of <see cref="Window"/> slots; <see cref="TryAdvance"/> refuses to begin an epoch whose slot is still in use,
/// which only means that the current epoch lasts longer.</para>
/// </remarks>
/// <param name="time">Dates the epochs, so that the age of the oldest unflushed update can be told.</param>
/// <param name="first">The first epoch, 1 or higher.</param>
internal sealed class FlushEpochs(TimeProvider? time = null, long first = 1)
{
    /// <summary>The most epochs that can be unacknowledged at once. A power of two.</summary>
    public const int Window = 1024;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly long[] _counts = new long[Window];
    private readonly long[] _begun = new long[Window];
    private readonly Lock _gate = new();
    private long _current = first;
    private long _oldest = first;

    /// <summary>The epoch that new contributions belong to, 1 or higher. Any thread.</summary>
    public long Current => Volatile.Read(ref _current);

    /// <summary>The oldest epoch with unacknowledged contributions, or <see cref="Current"/> when there are none. Any thread.</summary>
    public long OldestPending
    {
        get
        {
            lock (_gate)
                return Settle();
        }
    }

    /// <summary>How long ago the oldest epoch with unacknowledged contributions began; zero when there are none. Any thread.</summary>
    public TimeSpan OldestPendingAge
    {
        get
        {
            lock (_gate)
            {
                long oldest = Settle();
                return _counts[oldest & (Window - 1)] == 0 ? TimeSpan.Zero : _time.GetElapsedTime(_begun[oldest & (Window - 1)]);
            }
        }
    }

    /// <summary>Takes a count of <paramref name="epoch"/>; called when an entry becomes dirty. Any thread; does not allocate.</summary>
    /// <returns>The epoch that was counted: <paramref name="epoch"/>, or a newer one when its slot had long been reused.</returns>
    public long Add(long epoch)
    {
        lock (_gate)
        {
            long oldestSlot = _current - Window + 1;
            if (epoch < oldestSlot)
                epoch = oldestSlot;
            if (_counts[epoch & (Window - 1)]++ == 0)
                _begun[epoch & (Window - 1)] = _time.GetTimestamp();
            if (epoch < _oldest)
                _oldest = epoch;
            return epoch;
        }
    }

    /// <summary>Returns a count: the contribution was acknowledged, or is dropped for a reason that was reported. Any thread.</summary>
    public void Remove(long epoch)
    {
        lock (_gate)
        {
            ref long count = ref _counts[epoch & (Window - 1)];
            count--;
            if (count == 0 && epoch <= _oldest)
                Settle();
        }
    }

    /// <summary>Begins the next epoch unless the ring is full. Any thread.</summary>
    public bool TryAdvance()
    {
        lock (_gate)
        {
            Settle();
            if (_current + 1 - _oldest >= Window)
                return false;
            Volatile.Write(ref _current, _current + 1);
            Settle();
            return true;
        }
    }

    private long Settle()
    {
        while (_oldest < _current && _counts[_oldest & (Window - 1)] == 0)
            _oldest++;
        return _oldest;
    }
}
