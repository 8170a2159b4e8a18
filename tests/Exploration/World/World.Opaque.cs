using Sluice.Coordination;

namespace Sluice.Exploration;

/// <content>
/// Opaque deltas: the loop that compacts open sessions, and the merge of a claimed session before it is delivered. As in the engine, both hold nothing
/// while they merge, send what they have merged, and look again where somebody was faster.
/// </content>
internal sealed partial class World
{
    private long _marks;

    private void AddCompactions(List<Move> moves, Engine engine, byte slot)
    {
        if (engine.Merge is not null)
        {
            moves.Add(new Move(MoveKind.Compact, slot, 0));
            if (Left.Losses > 0)
                moves.Add(new Move(MoveKind.CompactReplyLost, slot, 0));
            if (Left.Copies > 0)
                moves.Add(new Move(MoveKind.CompactLateCopy, slot, 0));
        }
        else if (Left.Compactions > 0)
        {
            for (byte resource = 0; resource < Bounds.Resources; resource++)
            {
                if (Server.Open.TryGetValue(Resources[resource], out OpenRecord? open) && OpaqueMerge.IsDue(open.Fields.Span))
                    moves.Add(new Move(MoveKind.Look, slot, resource));
            }
        }
    }

    private void AddFolds(List<Move> moves, byte slot, byte which)
    {
        moves.Add(new Move(MoveKind.Fold, slot, which));
        if (Left.Losses > 0)
            moves.Add(new Move(MoveKind.FoldReplyLost, slot, which));
        if (Left.Copies > 0)
            moves.Add(new Move(MoveKind.FoldLateCopy, slot, which));
    }

    private bool MustFold(Work work) => work.Stage == Stage.Claimed && OpaqueMerge.IsDue(work.Session.Fields.Span);

    private void TakeOpaque(Engine engine, Move move)
    {
        Left.Losses -= (byte)(move.Kind is MoveKind.CompactReplyLost or MoveKind.FoldReplyLost ? 1 : 0);
        Left.Copies -= (byte)(move.Kind is MoveKind.CompactLateCopy or MoveKind.FoldLateCopy ? 1 : 0);
        switch (move.Kind)
        {
            case MoveKind.Look:
                Left.Compactions--;
                PeekedResource found = Ask(new PeekRequest([Resources[move.Target]])).Resources[0];
                engine.Merge = OpaqueMerge.Of(Resources[move.Target], found.Generation, found.Open, ++_marks);
                break;
            case MoveKind.Compact or MoveKind.CompactReplyLost:
                Ask(engine.Merge!.Request(engine.Seen));

                // Without an answer the same request is sent again.
                if (move.Kind == MoveKind.Compact)
                    engine.Merge = null;
                break;
            case MoveKind.CompactLateCopy:
                Copies = Copies.Add(new Copy(engine.Merge!.Request(engine.Seen), engine.Merge.Deltas));
                engine.Merge = null;
                break;
            default:
                Fold(engine, move.Target, move.Kind);
                break;
        }
    }

    /// <summary>Merges the deltas of a claimed session and stores the result, or takes what somebody else has stored.</summary>
    private void Fold(Engine engine, int which, MoveKind kind)
    {
        Work work = engine.Works[which];
        OpaqueMerge merge = OpaqueMerge.Of(work.Session.Resource, work.Session.Generation, work.Session.Fields, ++_marks);
        if (kind == MoveKind.FoldLateCopy)
        {
            Copies = Copies.Add(new Copy(merge.Request(engine.Seen), merge.Deltas));
            return;
        }

        CompactStatus status = Rules.StoresWhatItMerges ? Ask(merge.Request(engine.Seen)).Statuses[0] : CompactStatus.Compacted;
        if (kind == MoveKind.FoldReplyLost)
            return;
        if (status == CompactStatus.Compacted || !Rules.LooksAgain)
        {
            SetFields(engine, which, merge.Folded);
            return;
        }

        PeekedResource stored = Ask(new PeekRequest([work.Session.Resource])).Resources[0];
        if (stored.SealedGeneration == work.Session.Generation)
            SetFields(engine, which, stored.Sealed);
        else
            engine.Works = engine.Works.RemoveAt(which);
    }

    private void SetFields(Engine engine, int which, ReadOnlyMemory<byte> fields)
    {
        Work work = engine.Works[which];
        engine.Works = engine.Works.SetItem(which, work with { Session = work.Session with { Fields = fields }, ClaimedAt = Steady, IsFolded = true });
    }

    /// <summary>After the durability window: whether the server still has what was merged.</summary>
    private bool HasWhatWasMerged(Work work)
    {
        if (!work.IsFolded || !Rules.ConfirmsWhatItMerged)
            return true;
        PeekedResource stored = Ask(new PeekRequest([work.Session.Resource])).Resources[0];
        return stored.SealedGeneration == work.Session.Generation && stored.Sealed.Span.SequenceEqual(work.Session.Fields.Span);
    }
}
