using Sluice.Flushing;

namespace Sluice.Harness;

/// <summary>The far side of a merge cache that is measured alone: takes every item, gives its buffer back and counts it as acknowledged.</summary>
/// <remarks>Any thread; allocates nothing.</remarks>
internal sealed class AcknowledgingSink(FlushEpochs epochs) : IFlushSink
{
    public bool TryWrite(int partition, in FlushItem item)
    {
        if (item.Epoch != 0)
            epochs.Remove(item.Epoch);
        FlushItem owned = item;
        owned.Recycle();
        return true;
    }
}
