using System.Runtime.CompilerServices;
using Sluice.Aggregates;

namespace Sluice.Caching;

/// <content>
/// Opaque deltas, which only the application's code can merge: that code runs between two claims and without the gate, on a copy.
/// </content>
/// <remarks>
/// An entry takes deltas under the claim as bytes, up to a bound, and a flush writes them as they are. Who finds no room copies them under the claim, merges
/// the copy without it, and puts the result in their place under the claim again, if they are still there. Nothing leaves the entry meanwhile: a flush or
/// an end of the session in between takes the deltas along as they are, and the copy is dropped. Nobody waits for anybody's code; several threads that
/// find no room in the same entry merge the same deltas, and one of the results is kept.
/// </remarks>
internal sealed partial class CacheStripe<TKey, TEvent, TState>
{
    /// <summary>Folds the opaque deltas of an entry that was found crowded under the gate. Any thread, without the gate.</summary>
    /// <exception cref="OpaqueStateException">The application's code threw; the entry is as it was.</exception>
    public void Fold(int index)
    {
        // Another session may live in the place meanwhile, which is folded as well as the one that was found.
        ref CacheEntry<TKey, TEvent, TState> entry = ref EntrySlab<TKey, TEvent, TState>.At(Volatile.Read(ref _chunks), index);
        ulong seen = entry.Word.Seen;
        if (SealWord.IsLive(seen))
            Fold(ref entry, seen);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Attempt FoldAndMerge(ref CacheEntry<TKey, TEvent, TState> entry, ulong seen, in TEvent contribution, long epoch, long now)
    {
        Attempt attempt;
        do
        {
            // Others may fill the room that this makes. A fold that was overtaken was overtaken by one that made room, or by a flush.
            Fold(ref entry, seen);
            attempt = TryMergeOnce(ref entry, seen, in contribution, epoch, now);
        }
        while (attempt == Attempt.Crowded);
        return attempt;
    }

    private void Fold(ref CacheEntry<TKey, TEvent, TState> entry, ulong seen)
    {
        StateFolding<TState> folding = _parts.Folding
            ?? throw new InvalidOperationException("A state without opaque fields found no room for a delta of one.");
        if (!entry.Word.TryClaim(ref seen))
            return;
        TState folded;
        try
        {
            folded = folding.Unfolded(in entry.State);
        }
        finally
        {
            entry.Word.Release(seen);
        }

        Schedule.Point(Step.Folding);
        folding.Fold(ref folded);
        Schedule.Point(Step.Folded);
        if (!entry.Word.TryClaim(ref seen))
            return;
        try
        {
            folding.Adopt(ref entry.State, in folded);
        }
        finally
        {
            entry.Word.Release(seen);
        }
    }
}
