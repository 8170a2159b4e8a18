using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Flushing;

/// <summary>What the lane makes of a reply: settle, live again, or replay what the server lost.</summary>
internal sealed partial class LaneMachine
{
    /// <summary>Acknowledged batches that the server may still lose, oldest first; they span incarnations.</summary>
    private readonly Queue<FrozenBatch> _kept = new();

    /// <summary>Lost batches that are being sent again under their own numbers, before anything else.</summary>
    private readonly Queue<FrozenBatch> _replay = new();

    /// <summary>Items of lost batches that can't be sent under their own numbers any more: they go into the next batches.</summary>
    private readonly List<PendingItem> _recovered = [];

    /// <summary>Items of the batch that was outstanding when the server turned out not to know the lane: they follow the recovered ones.</summary>
    private ImmutableArray<PendingItem> _unsettled = [];

    /// <summary>True while the replay ends with a new incarnation; false when the outstanding batch follows it.</summary>
    private bool _livesAgainAfterReplay;
    private long _keptBytes;

    /// <summary>The last acknowledged batch of the incarnation that carried something.</summary>
    private long _lastFull;

    /// <summary>The last batch of the incarnation that was still there half a durability window after it was acknowledged: a server can't lose it any more.</summary>
    private long _safe;

    /// <summary>The latest server time at which the incarnation was known to live.</summary>
    private long _heard;

    /// <summary>Takes the reply to <see cref="Outstanding"/>.</summary>
    public void OnReply(FlushReply reply)
    {
        Seen = reply.Clock;
        if (_replay.Count != 0)
        {
            OnReplayReply(reply);
            return;
        }

        FrozenBatch batch = _outstanding ?? throw new InvalidOperationException("A reply without an outstanding batch.");
        switch (reply.Status)
        {
            case FlushStatus.Duplicate or FlushStatus.Fenced when reply.Last > batch.Number:
                // The lane has never sent a later batch: somebody else has this identity, and it is theirs that was applied.
                OnConflict(batch);
                break;
            case FlushStatus.Applied:
            case FlushStatus.Duplicate:
                if (reply.Status == FlushStatus.Duplicate)
                    observer.OnDuplicate();
                else if (_outstandingEpisode == terms.Fence.Episode)
                    terms.Fence.OnLife(_incarnation);
                Acknowledge(batch, reply);
                break;
            case FlushStatus.Fenced when batch.Number <= reply.Last:
                Acknowledge(batch, reply);
                Reincarnate(FlushStatus.Fenced, [], []);
                break;
            case FlushStatus.Fenced:
                _outstanding = null;
                Reincarnate(FlushStatus.Fenced, RecoverAfter(reply.Last, batch.Number, reply.Now), batch.Items);
                break;
            case FlushStatus.Conflict:
                OnConflict(batch);
                break;
            case FlushStatus.Gap:
                OnGap(batch, reply);
                break;
            case FlushStatus.Unknown:
                OnUnknown(batch, reply);
                break;
            default:
                throw new InvalidOperationException($"A lane can't go on after {reply.Status}.");
        }
    }

    private void OnConflict(FrozenBatch batch)
    {
        _outstanding = null;
        Reincarnate(FlushStatus.Conflict, [], batch.Items);
    }

    private void Acknowledge(FrozenBatch batch, FlushReply reply)
    {
        long now = reply.Now;
        batch.AcknowledgedAt = now;
        _heard = now;
        if (!batch.Items.IsEmpty)
            _lastFull = batch.Number;
        TellLastReleases(batch, reply);
        Settle(batch, reply.Last == batch.Number ? reply.Refused : []);
        if (terms.DurabilityWindow == 0)
            return;
        _kept.Enqueue(batch);
        NoteSafe(now);
        _keptBytes += batch.Bytes;
        while (_kept.Count != 0 && (_keptBytes > terms.RetentionBytes || !IsYoung(_kept.Peek(), now)))
            _keptBytes -= _kept.Dequeue().Bytes;
    }

    /// <summary>The server was known to have all acknowledged batches at <paramref name="now"/>.</summary>
    private void NoteSafe(long now)
    {
        foreach (FrozenBatch kept in _kept)
        {
            if (kept.Request.Incarnation == _incarnation && now - kept.AcknowledgedAt >= terms.DurabilityWindow / 2)
                _safe = Math.Max(_safe, kept.Number);
        }
    }

    private void OnGap(FrozenBatch batch, FlushReply reply)
    {
        FrozenBatch[] young = [.. _kept.Where(kept => IsLostAfter(kept, reply.Last, reply.Now))];
        if (young.Length != 0 && young[0].Number == reply.Last + 1)
        {
            // Everything that the server lost is here: the same batches, in order, and the lane goes on where it was.
            foreach (FrozenBatch lost in young)
                _replay.Enqueue(lost);
            return;
        }

        _outstanding = null;
        Reincarnate(FlushStatus.Gap, RecoverAfter(reply.Last, batch.Number, reply.Now), batch.Items);
    }

    /// <summary>
    /// What is kept and young of the batches between <paramref name="last"/>, which the server has, and <paramref name="number"/>, which it doesn't;
    /// the rest of that range is reported. What is returned is no longer kept: it will be part of new batches.
    /// </summary>
    private List<PendingItem> RecoverAfter(long last, long number, long now)
    {
        FrozenBatch[] lost = [.. _kept.Where(kept => IsLostAfter(kept, last, now))];
        long firstKept = lost.Length == 0 ? number : lost[0].Number;
        long lastLost = Math.Min(firstKept - 1, _lastFull); // probes have nothing to lose
        if (lastLost > last)
            observer.OnLost(LossCause.ServerLostBatches, _incarnation, last + 1, lastLost, []);
        return [.. lost.SelectMany(LetGo)];
    }

    private bool IsLostAfter(FrozenBatch kept, long last, long now) =>
        kept.Request.Incarnation == _incarnation && kept.Number > last && IsYoung(kept, now);

    private IEnumerable<PendingItem> LetGo(FrozenBatch batch)
    {
        FrozenBatch[] others = [.. _kept.Where(kept => kept != batch)];
        _kept.Clear();
        foreach (FrozenBatch other in others)
            _kept.Enqueue(other);
        _keptBytes -= batch.Bytes;
        return batch.Items.Select(Copy);
    }

    /// <summary>
    /// The server knows nothing of this lane. What is kept and young is sent again: under its own identity, because the server may know an earlier
    /// incarnation of the lane, and because only its own number tells a late copy of a batch from a new one.
    /// </summary>
    private void OnUnknown(FrozenBatch batch, FlushReply reply)
    {
        if (reply.Now - _heard > terms.Flush.TombstoneLife / 2)
        {
            // Fenced so long ago that the tombstone, which would tell whether the batch was applied, may be gone: never a guess. The same goes for batches
            // that were acknowledged, but not long enough before the lane was last heard of to be safe from a server that loses writes.
            NoteSafe(_heard);
            IEnumerable<FrozenBatch> unsure = _kept.Where(kept => kept.Request.Incarnation == _incarnation && kept.Number > _safe).Append(batch);
            _outstanding = null;
            observer.OnLost(
                LossCause.FateUnknown, _incarnation, IsUnconfirmed ? _safe + 1 : batch.Number, batch.Number, [.. unsure.SelectMany(static unknown => unknown.Items)]);
            observer.OnSettled(batch.Items.AsSpan());
            Reincarnate(FlushStatus.Fenced, [], []);
            return;
        }

        FrozenBatch[] young = [.. _kept.Where(kept => IsYoung(kept, reply.Now))];
        FrozenBatch[] own = [.. young.Where(kept => kept.Request.Incarnation == _incarnation)];
        bool canJoinAgain = own.Length == batch.Number - 1 && reply.Now - _incarnation.IssuedAt <= terms.Flush.TombstoneLife / 2;
        foreach (FrozenBatch kept in young)
        {
            if (canJoinAgain || kept.Request.Incarnation != _incarnation)
                _replay.Enqueue(kept);
        }

        if (!canJoinAgain)
        {
            _outstanding = null;
            _recovered.AddRange(RecoverAfter(0, batch.Number, reply.Now));
            _unsettled = batch.Items;
            _livesAgainAfterReplay = true;
        }

        FinishReplay();
    }

    private void OnReplayReply(FlushReply reply)
    {
        FrozenBatch batch = _replay.Dequeue();
        bool isThere = reply.Status is FlushStatus.Applied or FlushStatus.Duplicate || (reply.Status == FlushStatus.Fenced && batch.Number <= reply.Last);
        if (isThere)
        {
            batch.AcknowledgedAt = reply.Now;
            TellLastReleases(batch, reply);
            if (reply.Status == FlushStatus.Applied)
            {
                if (batch.Request.Incarnation == _incarnation)
                {
                    _safe = Math.Min(_safe, batch.Number - 1);
                    foreach (PendingItem item in batch.Items.Where(static item => item.Takes))
                        observer.OnTakenAgain(item);
                }

                foreach (RefusedItem refusal in reply.Refused)
                    observer.OnRefused(batch.Items[refusal.Index], refusal.Outcome);
                observer.OnReplayed(batch.Number);
            }
        }
        else if (batch.Request.Incarnation != _incarnation)
        {
            // An earlier life of the lane that the server doesn't know either, or fenced before it had the batch.
            _recovered.AddRange(LetGo(batch));
        }
        else
        {
            // Something else has happened to the lane meanwhile; the outstanding batch's own reply will tell what.
            _replay.Clear();
        }

        FinishReplay();
    }

    private void FinishReplay()
    {
        if (_replay.Count != 0)
            return;
        PendingItem[] recovered = [.. _recovered];
        _recovered.Clear();
        if (!_livesAgainAfterReplay)
        {
            PutFirst(recovered);
            return;
        }

        ImmutableArray<PendingItem> unsettled = _unsettled;
        _unsettled = [];
        _livesAgainAfterReplay = false;
        Reincarnate(FlushStatus.Unknown, recovered, unsettled);
    }

    private bool IsYoung(FrozenBatch batch, long now) => now - batch.AcknowledgedAt <= terms.DurabilityWindow;

    /// <summary>What a settled item did, without its waiters and epoch, which were returned when it was settled.</summary>
    private static PendingItem Copy(PendingItem item) => new(item.Resource)
    {
        Delta = item.Delta,
        Holds = item.Holds,
        Force = item.Force,
        Takes = item.Takes,
        Reason = item.Reason,
        IsRecovered = true,
    };
}
