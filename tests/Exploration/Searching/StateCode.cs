using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;
using Sluice.Flushing;
using Sluice.Hashing;

namespace Sluice.Exploration;

/// <summary>
/// What a world is, as bytes: two worlds with the same bytes have the same future. Not thread-safe; used again and again.
/// </summary>
/// <remarks>
/// <para>Left out or levelled is only what no transition, lane or invariant can tell apart:</para>
/// <para>Incarnations are numbered in the order in which they are met; they are compared for equality only, and the lists that are ordered by them are never
/// cut by a limit here.</para>
/// <para>The two engines are put in an order that their own state decides, where they are alike in role.</para>
/// <para>Moments are distances from now; those that are over are over, however long, unless the clock may still be set back. Ages of identities and of
/// kept batches count only where something can outlive them.</para>
/// <para>Generations, tokens and clocks are known by their order and by how far each is from the next, up to <see cref="FarApart"/>: fewer are drawn
/// within any bounds.</para>
/// <para>What was delivered, can't come back and was counted is known by its updates alone.</para>
/// <para>When a session was sealed, and when it began if there is no hard deadline, decides nothing; that what was delivered and what is sealed agree has been
/// checked in the state itself.</para>
/// </remarks>
internal sealed class StateCode
{
    private const long FarApart = 24;

    private readonly List<byte> _bytes = new(1024);
    private readonly List<long> _numbers = [];
    private readonly List<long> _order = [];
    private readonly List<IncarnationId> _incarnations = [];
    private readonly List<long> _marks = [];
    private World _world = null!;

    public ulong Of(World world)
    {
        _world = world;
        _bytes.Clear();
        _numbers.Clear();
        _incarnations.Clear();
        _marks.Clear();
        Put(world.Left);
        Number(world.Now);
        Engine first = world.Engines[0], second = world.Engines[1];
        if (!world.Bounds.SharesIdentity && !world.Bounds.HasProducer && Signature(first).CompareTo(Signature(second)) > 0)
            (first, second) = (second, first);
        Byte(world.Preparing < 0 ? 0 : world.Preparing == first.Slot ? 1 : 2);
        Put(first);
        Put(second);
        Byte(world.Copies.Length);
        foreach (Copy copy in world.Copies)
        {
            Put(copy.Request);
            if (copy.Request is CompactRequest)
                Deltas(copy.Deltas.Span);
        }

        Put(world.Server);
        Byte(world.Kept is null ? 0 : 1);
        if (world.Kept is { } kept)
        {
            Put(kept);
            Age(world.FirstLostAt, world.FirstLostAt != 0);
        }

        Byte((world.HasRolledBack ? 1 : 0) | (world.HasSetClock ? 2 : 0));
        Put(world.Sink);
        Number(world.Issued);
        Long(world.Acknowledged);
        Long(world.Reported);
        Long(world.Redelivered);
        Long(world.Bounds.Rollbacks != 0 ? world.Orphans : 0);
        foreach (byte used in world.Used)
            Byte(used);
        foreach (IncarnationId incarnation in _incarnations)
            Byte(world.Fenced.Contains(incarnation) ? 1 : 0);
        PutOrder();
        return XxHash64.Hash(CollectionsMarshal.AsSpan(_bytes));
    }

    /// <summary>What an engine is by itself, without names.</summary>
    private static ulong Signature(Engine engine)
    {
        ulong signature = (uint)engine.Local | ((ulong)(uint)engine.Works.Length << 4) | (engine.IsPaused ? 1UL << 8 : 0) | ((ulong)(uint)engine.Lane.Pending << 9)
            | (engine.Lane.Outstanding is null ? 0 : 1UL << 13) | (engine.Lane.Incarnation.IsNone ? 0 : 1UL << 14) | ((ulong)engine.Lane.Acknowledged << 15)
            | (engine.LateReply is null ? 0 : 1UL << 20) | (engine.Merge is null ? 0 : 1UL << 40) | ((ulong)(uint)engine.Lane.Held << 21);
        foreach (PendingItem item in LaneFork.Pending(engine.Lane))
            signature = (signature * 31) + Tally.Counts(item.Delta) + (item.Holds ? 7UL : 0);
        foreach (PendingItem item in LaneFork.Outstanding(engine.Lane)?.Items ?? [])
            signature = (signature * 37) + Tally.Counts(item.Delta) + (item.Holds ? 7UL : 0);
        foreach (Work work in engine.Works)
            signature = (signature * 41) + (ulong)work.Stage + Tally.Counts(work.Session.Fields.Span);
        return signature;
    }

    private void Put(Engine engine)
    {
        LaneMachine lane = engine.Lane;
        Byte((engine.IsPaused ? 1 : 0) | (LaneFork.Probes(lane) ? 2 : 0) | (LaneFork.LivesAgainAfterReplay(lane) ? 4 : 0) | (engine.LateReply is null ? 0 : 8) | (engine.LateBeat is null ? 0 : 16));
        Byte(engine.Local);
        Name(lane.Incarnation);
        Number(engine.Seen);
        Number(lane.Seen);
        Byte((int)LaneFork.Next(lane));
        Put(LaneFork.Pending(lane));
        foreach (PendingItem item in LaneFork.Pending(lane))
            Byte(LaneFork.Last(lane).TryGetValue(item.Resource, out PendingItem? last) && last == item ? 1 : 0);
        Byte(LaneFork.Held(lane).Count);
        for (int r = 0; r < _world.Bounds.Resources; r++)
            Byte(LaneFork.Held(lane).Contains(World.Resources[r]) ? 1 : 0);
        Put(LaneFork.Outstanding(lane));
        Put(LaneFork.Recovered(lane));
        Put(LaneFork.Unsettled(lane));
        if (_world.Bounds.Forgets)
            Age(LaneFork.Heard(lane), !lane.Incarnation.IsNone);
        if (_world.Bounds.Window != 0)
        {
            Byte((int)LaneFork.LastFull(lane));
            Byte((int)LaneFork.Safe(lane));
            Age(engine.Answered - _world.SetBack, lane.IsUnconfirmed);
            Put(LaneFork.Kept(lane));
            Put(LaneFork.Replay(lane));
        }

        if (_world.Bounds.Redeliveries != 0)
        {
            Byte(engine.Fence.Episode);
            Byte(LaneFork.Episode(lane));
            Byte(LaneFork.OutstandingEpisode(lane));
            Byte(engine.Fence.Covers(lane.Incarnation) ? 1 : 0);
        }

        if (engine.LateReply is { } reply)
        {
            Byte((int)reply.Status);
            Byte((int)reply.Last);
            Number(reply.Clock);
            Age(reply.Now, _world.Bounds.Window != 0 || _world.Bounds.Forgets);
        }

        if (engine.LateBeat is { } beat)
        {
            Byte((int)beat.Reply.Status);
            Byte((int)beat.Reply.Last);
            Byte((int)beat.Acknowledged);
            Name(beat.Incarnation);
            Age(beat.Reply.Now, _world.Bounds.Forgets);
        }

        Byte(engine.Works.Length);
        foreach (Work work in engine.Works)
        {
            Byte((int)work.Stage | (World.Resources.IndexOf(work.Session.Resource) << 2) | (work.Session.OutOfOrder ? 64 : 0));
            Number(work.Session.Generation);
            Number(work.Session.Token);
            Record(work.Session.Fields.Span);
            Byte(work.IsFolded && _world.Bounds.Window != 0 ? 1 : 0);
            Age(work.ClaimedAt - _world.SetBack, _world.Bounds.Window != 0 && work.Stage == Stage.Claimed);
        }

        if (_world.Bounds.Rollbacks != 0 || _world.Bounds.Forgets)
        {
            Long(engine.Mine);
            Byte(engine.Sent.Length);
            foreach ((IncarnationId incarnation, long number, ulong events) in engine.Sent)
            {
                Name(incarnation);
                Byte((int)number);
                Long(events);
            }
        }

        Long(engine.LeftBehind);
        if (engine.Merge is { } merge)
        {
            Put(merge.Request(0));
            Deltas(merge.Deltas.Span);
        }
    }

    private void Put(IReadOnlyCollection<PendingItem> items)
    {
        Byte(items.Count);
        foreach (PendingItem item in items)
        {
            Byte(World.Resources.IndexOf(item.Resource) | (item.Holds ? 4 : 0) | (item.Force ? 8 : 0) | (item.IsRecovered ? 16 : 0) | ((int)item.Reason << 5));
            Delta(item.Delta);
        }
    }

    private void Put(FrozenBatch? batch)
    {
        if (batch is null)
        {
            Byte(0);
            return;
        }

        Byte(1);
        Put(batch.Request);
    }

    private void Put(Queue<FrozenBatch> batches)
    {
        Byte(batches.Count);
        foreach (FrozenBatch batch in batches)
        {
            Put(batch.Request);
            Age(batch.AcknowledgedAt, batch.AcknowledgedAt != 0);
        }
    }

    private void Put(object request)
    {
        switch (request)
        {
            case FlushRequest flush:
                Byte(1);
                Name(flush.Incarnation);
                Byte((int)flush.Number);
                Number(flush.Seen);
                Byte(flush.Items.Length);
                foreach (BatchItem item in flush.Items)
                {
                    Byte(World.Resources.IndexOf(item.Resource) | (item.Holds ? 4 : 0) | (item.Force ? 8 : 0) | ((int)item.Reason << 5));
                    Delta(item.Delta.Span);
                }

                if (_world.Bounds.Forgets)
                    Age(flush.Incarnation.IssuedAt, true);
                break;
            case AcknowledgeRequest acknowledge:
                Byte(2);
                Ticket(acknowledge.Tickets[0]);
                break;
            case AbandonRequest abandon:
                Byte(3);
                Ticket(abandon.Ticket);
                break;
            case BeatRequest beat:
                Byte(4);
                Name(beat.Incarnation);
                break;
            case CompactRequest compact:
                Byte(5);
                Byte(World.Resources.IndexOf(compact.Compactions[0].Resource));
                Number(compact.Compactions[0].Generation);
                Number(compact.Seen);
                Deltas(compact.Compactions[0].Merged.Span);
                break;
            default:
                throw new NotSupportedException(request.GetType().Name);
        }

        void Ticket(ClaimTicket ticket)
        {
            Byte(World.Resources.IndexOf(ticket.Resource));
            Number(ticket.Generation);
            Number(ticket.Token);
        }
    }

    private void Put(PartitionState state)
    {
        Byte(state.Layout == 0 ? 0 : state.Layout == Tally.Space.Layout ? 1 : 2);
        Number(state.Clock);
        if (_world.Bounds.ClockSteps != 0)
            Long((ulong)Math.Max(state.LastWrite - _world.Now, 0));

        // Incarnations that only the server still knows come last, in the order of their issue.
        foreach (IncarnationId incarnation in state.Members.Keys.Concat(state.Tombstones.Keys).Where(id => !_incarnations.Contains(id)).Order())
            _incarnations.Add(incarnation);
        for (int i = 0; i < _incarnations.Count; i++)
        {
            IncarnationId incarnation = _incarnations[i];
            if (state.Members.TryGetValue(incarnation, out Member? member))
            {
                Byte(0x80 + i);
                Byte((int)member.Applied);
                Long(member.Hash);
                Until(member.LeaseDeadline);
            }

            if (state.Tombstones.TryGetValue(incarnation, out Tombstone? tombstone))
            {
                Byte(0xA0 + i);
                Byte((int)tombstone.Applied);
                if (_world.Bounds.Forgets)
                    Until(tombstone.PurgeAt);
            }

            if (_world.Bounds.Forgets)
                Age(incarnation.IssuedAt, true);
            if (!state.Owned.TryGetValue(incarnation, out ImmutableDictionary<ResourceKey, Holding>? owned))
                continue;
            Byte(0xC0 + i);
            for (int r = 0; r < _world.Bounds.Resources; r++)
            {
                bool holds = owned.TryGetValue(World.Resources[r], out Holding holding);
                Byte(holds ? 1 : 0);
                Number(holding.ContributedTo);
            }
        }

        Byte(0xFF);
        for (int r = 0; r < _world.Bounds.Resources; r++)
        {
            Put(state.Open.GetValueOrDefault(World.Resources[r]));
            Put(state.Sealed.GetValueOrDefault(World.Resources[r]));
        }

        Byte(state.DeadLetters.Count);
        foreach (DeadLetterEntry letter in state.DeadLetters.Values)
        {
            Byte(World.Resources.IndexOf(letter.Resource) | ((int)letter.Kind << 4));
            Number(letter.Id);
            Record(letter.Fields.Span);
        }
    }

    private void Put(OpenRecord? open)
    {
        Byte(open is null ? 0 : 1);
        if (open is null)
            return;
        Byte((open.Forced ? 1 : 0) | (open.Waiting ? 2 : 0) | ((int)open.Reason << 2));
        Byte(open.Holders);
        Byte((int)open.TimesModified);
        Number(open.Generation);
        Record(open.Fields.Span);
        Until(open.Due);
        if (_world.Bounds.Hard == Durations.Never)
            return;
        Until(open.HardDue);
        Age(open.CreatedAt, open.HasUpdates);
    }

    private void Put(SealedRecord? record)
    {
        Byte(record is null ? 0 : 1);
        if (record is null)
            return;
        Byte((record.Parked ? 1 : 0) | (record.OutOfOrder ? 2 : 0) | ((int)record.Reason << 2));
        Byte((int)record.TimesModified);
        Byte(_world.Bounds.Failures != 0 ? record.Attempt : 0);
        Number(record.Generation);
        Number(record.Token);
        Record(record.Fields.Span);
        Until(record.LeaseDeadline);
    }

    private void Put(Sink sink)
    {
        Span<ulong> gone = stackalloc ulong[2 * World.Resources.Length];
        foreach (Delivery delivery in sink.Deliveries)
        {
            if (_numbers.Contains(delivery.Generation))
            {
                Byte(delivery.Resource | (delivery.ByToken ? 4 : 0));
                Number(delivery.Generation);
                Long(delivery.Counts);
                Mark(delivery.Mark);
            }
            else
            {
                gone[delivery.Resource] += delivery.Counts;
                gone[World.Resources.Length + delivery.Resource] += delivery.ByToken ? delivery.Counts : 0;
            }
        }

        foreach (ulong counts in gone)
            Long(counts);
        foreach (long token in sink.Tokens)
            Number(token);
        foreach (long highest in sink.Highest)
            Number(highest);
    }

    private void Put(Budget left)
    {
        Byte(left.Times);
        Byte(left.Losses | (left.Copies << 4));
        Byte(left.Lates | (left.Crashes << 4));
        Byte(left.Forces | (left.Leaves << 4));
        Byte(left.Beats | (left.Failures << 4));
        Byte(left.Replays | (left.Poisons << 4));
        Byte(left.Keeps | (left.Rollbacks << 4));
        Byte(left.ClockSteps | (left.Pauses << 4));
        Byte(left.Redeliveries | (left.Strangers << 4));
        Byte(left.Shortages | (left.Compactions << 4));
    }

    /// <summary>The numbers in their order, and how far each is from the next.</summary>
    private void PutOrder()
    {
        _order.Clear();
        _order.AddRange(_numbers);
        _order.Sort();
        for (int i = 0; i < _order.Count; i++)
        {
            Byte(_numbers.IndexOf(_order[i]));
            Byte(i == 0 ? 0 : (int)Math.Min(_order[i] - _order[i - 1], FarApart));
        }
    }

    private void Number(long number)
    {
        if (number == 0)
        {
            Byte(0xFF);
            return;
        }

        int index = _numbers.IndexOf(number);
        if (index < 0)
        {
            index = _numbers.Count;
            _numbers.Add(number);
        }

        Byte(index);
    }

    private void Name(IncarnationId incarnation)
    {
        if (incarnation.IsNone)
        {
            Byte(0xFF);
            return;
        }

        int index = _incarnations.IndexOf(incarnation);
        if (index < 0)
        {
            index = _incarnations.Count;
            _incarnations.Add(incarnation);
        }

        Byte(index);
    }

    /// <summary>A moment of the future; those that are over are alike, unless the clock may still be set back.</summary>
    private void Until(long moment)
    {
        if (moment == Durations.Never)
            Short(short.MaxValue);
        else
            Short((moment - _world.Now) / (Bounds.Unit / 4), isPastAlike: _world.Left.ClockSteps == 0);
    }

    /// <summary>How long ago something was, where that counts.</summary>
    private void Age(long moment, bool counts) => Short(counts ? Math.Min((_world.Now - moment) / (Bounds.Unit / 4), 8_000) : 0);

    private void Delta(ReadOnlySpan<byte> delta)
    {
        if (delta.Length == Tally.Poison.Length)
            Long(ulong.MaxValue);
        else
            Record(delta);
    }

    /// <summary>A sum is its counts; opaque deltas are each of them, with who has merged it.</summary>
    private void Record(ReadOnlySpan<byte> record)
    {
        if (_world.Bounds.Opaque)
            Deltas(Tally.Deltas(record));
        else
            Long(Tally.Counts(record));
    }

    private void Deltas(ReadOnlySpan<byte> deltas)
    {
        Byte(OpaquePayload.Count(deltas));
        OpaqueCursor cursor = new(deltas);
        while (cursor.MoveNext())
        {
            Byte((int)cursor.Item.Sequence);
            Long(OpaqueMerge.CountsOf(cursor.Content));
            Mark(OpaqueMerge.MarkOfContent(cursor.Content));
        }
    }

    /// <summary>Merges are told apart by the order in which they are met.</summary>
    private void Mark(long mark)
    {
        if (mark <= 0)
        {
            Byte(mark == 0 ? 0xFE : 0xFF);
            return;
        }

        int index = _marks.IndexOf(mark);
        if (index < 0)
        {
            index = _marks.Count;
            _marks.Add(mark);
        }

        Byte(index);
    }

    private void Byte(int value) => _bytes.Add((byte)value);

    private void Short(long value, bool isPastAlike = false)
    {
        long written = isPastAlike ? Math.Max(value, 0) : value;
        _bytes.Add((byte)written);
        _bytes.Add((byte)(written >> 8));
    }

    private void Long(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        foreach (byte part in bytes)
            _bytes.Add(part);
    }
}
