using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Aggregates;

namespace Sluice.Caching;

/// <summary>
/// The entries of one stripe: places in arrays that never move and are used again. A place is named by its index for ever; that a session which was
/// found there is still the same one is for the <see cref="SealWord"/> to say.
/// </summary>
/// <remarks>
/// <para>Guarded by the stripe's lock, except for <see cref="At"/> with an array that was read after the index was found: the stripe publishes the
/// array before any index into its newest chunk.</para>
/// <para>It grows with the stripe and does not shrink: a stripe keeps the memory of the most sessions that it ever had.</para>
/// </remarks>
internal sealed class EntrySlab<TKey, TEvent, TState>
    where TKey : notnull
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>
{
    /// <summary>Entries of a chunk, as a power of two. Small enough that the last one's unused rest is little.</summary>
    private const int ChunkBits = 8;

    private const int ChunkLength = 1 << ChunkBits;
    private const int None = -1;

    private CacheEntry<TKey, TEvent, TState>[][] _chunks = [];
    private int _vacant = None;

    /// <summary>Places that were ever used: every resident entry has an index below this.</summary>
    public int Used { get; private set; }

    /// <summary>Memory of all places.</summary>
    public long Bytes => (long)_chunks.Length * ChunkLength * Unsafe.SizeOf<CacheEntry<TKey, TEvent, TState>>();

    /// <summary>The chunks: another array whenever there is one more.</summary>
    public CacheEntry<TKey, TEvent, TState>[][] Chunks => _chunks;

    /// <summary>The entry with this index.</summary>
    public ref CacheEntry<TKey, TEvent, TState> this[int index] => ref _chunks[index >> ChunkBits][index & (ChunkLength - 1)];

    /// <summary>As the indexer, without checks: the index came from the stripe's table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref CacheEntry<TKey, TEvent, TState> At(CacheEntry<TKey, TEvent, TState>[][] chunks, int index)
    {
        CacheEntry<TKey, TEvent, TState>[] chunk = Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(chunks), (nint)(uint)index >> ChunkBits);
        return ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(chunk), (nint)(uint)index & (ChunkLength - 1));
    }

    /// <summary>A vacant place whose fields but the word and the links are default. May allocate a chunk.</summary>
    public int Rent()
    {
        if (_vacant != None)
        {
            int reused = _vacant;
            _vacant = this[reused].Older;
            return reused;
        }

        if (Used == _chunks.Length * ChunkLength)
        {
            CacheEntry<TKey, TEvent, TState>[][] chunks = new CacheEntry<TKey, TEvent, TState>[_chunks.Length + 1][];
            _chunks.CopyTo(chunks, 0);
            chunks[^1] = new CacheEntry<TKey, TEvent, TState>[ChunkLength];
            _chunks = chunks;
        }

        return Used++;
    }

    /// <summary>Takes a vacant place back, and lets go of what its last session referred to.</summary>
    public void Return(int index)
    {
        ref CacheEntry<TKey, TEvent, TState> entry = ref this[index];
        entry.Key = default!;
        entry.State = default;
        entry.Epoch.Clear();
        entry.Referenced = entry.Touched = false;
        entry.Older = _vacant;
        _vacant = index;
    }
}
