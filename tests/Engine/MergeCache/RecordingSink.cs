using System.Text;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>One item as the sink saw it.</summary>
internal sealed record Taken(
    int Partition, string Key, bool HasDelta, Tally Delta, long Epoch, bool Holds, bool Force, CompletionReason Reason, FlushWaiter? Waiter);

/// <summary>A sink that keeps what it takes, in order, and refuses where it is told to. It overwrites a buffer before it gives it back, so that a cache that uses a buffer which is no longer its own shows.</summary>
internal sealed class RecordingSink : IFlushSink
{
    private readonly Lock _gate = new();
    private readonly List<Taken> _items = [];
    private readonly HashSet<int> _full = [];
    private bool _allFull;

    public int Refusals { get; private set; }

    /// <summary>What was taken since the last call.</summary>
    public List<Taken> Drain()
    {
        lock (_gate)
        {
            List<Taken> drained = [.. _items];
            _items.Clear();
            return drained;
        }
    }

    public Taken Single() => Assert.Single(Drain());

    public void Fill(int partition)
    {
        lock (_gate)
            _full.Add(partition);
    }

    public void FillAll()
    {
        lock (_gate)
            _allFull = true;
    }

    public void Empty()
    {
        lock (_gate)
        {
            _allFull = false;
            _full.Clear();
        }
    }

    public bool TryWrite(int partition, in FlushItem item)
    {
        lock (_gate)
        {
            if (_allFull || _full.Contains(partition))
            {
                Refusals++;
                return false;
            }

            _items.Add(Read(partition, in item));
        }

        FlushItem owned = item;
        owned.Buffer.AsSpan().Fill(0xCC);
        owned.Recycle();
        return true;
    }

    public static Taken Read(int partition, in FlushItem item) => new(
        partition,
        Encoding.UTF8.GetString(item.Key),
        item.DeltaLength != 0,
        item.DeltaLength == 0 ? default : Tally.Read(item.Delta),
        item.Epoch,
        item.Holds,
        item.Force,
        item.Reason,
        item.Waiter);
}

/// <summary>A sink that takes everything and keeps nothing.</summary>
internal sealed class ForgetfulSink : IFlushSink
{
    public bool TryWrite(int partition, in FlushItem item)
    {
        FlushItem owned = item;
        owned.Recycle();
        return true;
    }
}
