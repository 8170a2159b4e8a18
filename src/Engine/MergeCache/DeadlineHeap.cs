namespace Sluice.Caching;

/// <summary>
/// A binary min-heap of scheduled deadlines whose members know their index, so that any of them leaves in O(log n).
/// </summary>
/// <remarks>
/// <para>What is scheduled is never later than the true deadline: an entry is scheduled when it is created, and merges only move its deadline
/// later, without telling the heap. So everything that is due is found by looking at the root until it is not due, and an entry that turns out to
/// have moved is scheduled anew: a merge costs nothing here, and a session costs at most one look for each soft period that it outlives.</para>
/// <para>Guarded by the stripe's lock, except for <see cref="Earliest"/>.</para>
/// </remarks>
internal sealed class DeadlineHeap
{
    private (long At, ResidentNode Node)[] _heap = [];
    private int _count;
    private long _earliest = long.MaxValue;

    /// <summary>The earliest scheduled deadline, or <see cref="long.MaxValue"/>. Any thread.</summary>
    public long Earliest => Volatile.Read(ref _earliest);

    /// <summary>The member that is scheduled first.</summary>
    public ResidentNode Root => _heap[0].Node;

    /// <summary>Makes room for one more, so that the next <see cref="Add"/> can't fail.</summary>
    public void Reserve()
    {
        if (_count == _heap.Length)
            Array.Resize(ref _heap, Math.Max(16, _count * 2));
    }

    public void Add(ResidentNode node, long at)
    {
        Reserve();
        SiftUp(_count++, (at, node));
        Publish();
    }

    public void Remove(ResidentNode node)
    {
        int index = node.HeapIndex;
        node.HeapIndex = -1;
        (long At, ResidentNode Node) last = _heap[--_count];
        _heap[_count] = default;
        if (index < _count)
            Place(index, last);
        Publish();
    }

    /// <summary>Moves a member to another deadline.</summary>
    public void Reschedule(ResidentNode node, long at)
    {
        Place(node.HeapIndex, (at, node));
        Publish();
    }

    private void Place(int index, (long At, ResidentNode Node) item)
    {
        if (index > 0 && item.At < _heap[(index - 1) / 2].At)
            SiftUp(index, item);
        else
            SiftDown(index, item);
    }

    private void SiftUp(int index, (long At, ResidentNode Node) item)
    {
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (_heap[parent].At <= item.At)
                break;
            Set(index, _heap[parent]);
            index = parent;
        }

        Set(index, item);
    }

    private void SiftDown(int index, (long At, ResidentNode Node) item)
    {
        while (true)
        {
            int child = (2 * index) + 1;
            if (child >= _count)
                break;
            if (child + 1 < _count && _heap[child + 1].At < _heap[child].At)
                child++;
            if (item.At <= _heap[child].At)
                break;
            Set(index, _heap[child]);
            index = child;
        }

        Set(index, item);
    }

    private void Set(int index, (long At, ResidentNode Node) item)
    {
        _heap[index] = item;
        item.Node.HeapIndex = index;
    }

    private void Publish() => Volatile.Write(ref _earliest, _count == 0 ? long.MaxValue : _heap[0].At);
}
