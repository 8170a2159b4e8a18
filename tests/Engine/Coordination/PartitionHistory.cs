using System.Collections.Immutable;
using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Harness.Conformance;
using Xunit;

namespace Sluice.Tests.Coordination;

/// <summary>
/// One partition, the engines that use it and the network between them, driven by numbers. Knows what was sent and delivered, and checks after every
/// step what must be true whatever was sent.
/// </summary>
/// <param name="byInactivity">How sessions end.</param>
/// <param name="answers">Is told what was answered.</param>
/// <param name="took">Is told of every transition; null: nobody. Then references are taken back all at once: which of them come first is not part of the protocol.</param>
/// <param name="hasOpaque">Whether there is an opaque field beside the sum, which adds up to the same; engines compact it.</param>
/// <param name="countsReferences">Whether it is a partition of references.</param>
internal sealed partial class PartitionHistory(
    bool byInactivity, PartitionHistory.Answers answers, Action<PartitionHistory.Transition>? took = null, bool hasOpaque = false, bool countsReferences = false)
{
    private const long TombstoneLife = 2000;
    private const int Lanes = 3;
    private static readonly ResourceKey[] Resources = [.. new[] { "a", "b", "c", "d" }.Select(ResourceKey.Of)];

    private readonly RecordMerger _merger = RecordMerger.For(SchemaOf(hasOpaque));
    private readonly Dictionary<(IncarnationId, long), ImmutableArray<RefusedItem>> _firstAnswers = [];
    private readonly Dictionary<(ResourceKey, long), string> _contents = [];
    private readonly List<FlushRequest> _sent = [];
    private readonly List<ClaimTicket> _tickets = [];
    private readonly (IncarnationId Id, long Next)[] _lanes = new (IncarnationId, long)[Lanes];
    private PartitionState _state = PartitionState.Empty;
    private long _now = 1_000_000;
    private long _latest = 1_000_000;
    private uint _identities;
    private Int128 _applied;
    private Int128 _ended;

    /// <summary>One step: a little time, then one request.</summary>
    public void Take(int step)
    {
        Digits digits = new(step);
        Pass(digits.Next(4));
        if (hasOpaque && digits.Next(4) == 0)
        {
            Compact(ref digits);
            return;
        }

        int kind = digits.Next(25);
        long seen = digits.Next(8) == 0 ? _state.Clock + 3 : 0;
        switch (kind)
        {
            case <= 7:
                Flush(ref digits, seen);
                break;
            case 8 or 9:
                if (_sent.Count != 0)
                    Send(_sent[^(1 + digits.Next(Math.Min(_sent.Count, 12)))]);
                break;
            case 10:
                Misnumber(ref digits);
                break;
            case 11:
                _lanes[digits.Next(Lanes)] = default;
                break;
            case 12 or 13:
                Send(new ClaimRequest(1 + digits.Next(3), 1 + digits.Next(20)) { Seen = seen });
                break;
            case 14 or 15:
                if (TryTicket(ref digits, out ClaimTicket acknowledged))
                    Send(new AcknowledgeRequest([acknowledged]) { Seen = seen });
                break;
            case 16:
                Extend(ref digits);
                break;
            case 17:
                Abandon(ref digits);
                break;
            case 18:
                Send(new BeatRequest(AnyIncarnation(ref digits), 20, digits.Next(3)) { Seen = seen });
                break;
            case 19:
                Send(new ReapRequest(AnyIncarnation(ref digits), Limit(digits.Next(3)), digits.Next(10), TombstoneLife) { Seen = seen });
                break;
            case 20:
                Send(new LeaveRequest(AnyIncarnation(ref digits), TombstoneLife));
                break;
            case 21:
                DeadLetter(ref digits);
                break;
            case 22:
                Look();
                break;
            case 23:
                Jump(ref digits);
                break;
            default:
                // Rare: it ends everything that is open.
                if (digits.Next(4) == 0)
                    Send(new EndRequest(CompletionReason.Shutdown) { Seen = seen });
                break;
        }
    }

    /// <summary>I7: when all is quiet, every update has been completed or put aside, and nothing is left.</summary>
    public void Quiesce()
    {
        Pass(100_000);
        Send(new BeatRequest(default, 1, 100));
        while (Reply<PokeReply>(new PokeRequest(1)).Expired is [var dead, ..])
            Send(new ReapRequest(dead, Limit(2), 5, TombstoneLife));
        for (int round = 0; !_state.Open.IsEmpty || !_state.Sealed.IsEmpty; round++)
        {
            Assert.True(round < 100, $"Sessions are left that nobody can complete:\n{StateText.Of(_state)}");
            Pass(1000);
            foreach (DeadLetterEntry letter in Reply<DeadLettersReply>(new DeadLettersRequest(100)).Letters)
                Send(new ReplayRequest(letter.Resource, letter.Id, 1));
            Pass(1000);
            ClaimReply claimed = Reply<ClaimReply>(new ClaimRequest(3, 10));
            Send(new AcknowledgeRequest([.. claimed.Claims.Select(static session => new ClaimTicket(session.Resource, session.Generation, session.Token))]));
        }

        foreach (DeadLetterEntry letter in Reply<DeadLettersReply>(new DeadLettersRequest(1000)).Letters)
            Send(new PurgeRequest(letter.Resource, letter.Id));
        Pass(2 * TombstoneLife);
        Send(new BeatRequest(default, 1, 1000));
        Assert.Equal(_applied, _ended);
        PartitionState bare = PartitionState.Empty with { Layout = _state.Layout, Clock = _state.Clock, LastWrite = _state.LastWrite };
        Assert.Equal(StateText.Of(bare), StateText.Of(_state));
    }

    private int Limit(int limit) => took is null ? limit : limit * 100;

    private void Pass(long by)
    {
        _now += by;
        _latest = Math.Max(_latest, _now);
    }

    /// <summary>The clock is set: forward by more than every lease, or back by less than a tombstone's life, which is as far as the promises go.</summary>
    private void Jump(ref Digits digits)
    {
        if (digits.Next(2) == 0)
            Pass(digits.Next(300));
        else
            _now = Math.Max(_now - digits.Next(300), _latest - 300);
    }

    private void Flush(ref Digits digits, long seen)
    {
        ref (IncarnationId Id, long Next) lane = ref _lanes[digits.Next(Lanes)];
        if (lane.Id.IsNone)
            lane = (new IncarnationId(_now, 0, ++_identities), 1);
        FlushTerms terms = new(
            Lease: 5 + digits.Next(40), Linger: digits.Next(12), Hard: digits.Next(2) == 0 ? Durations.Never : 30, Inactivity: byInactivity ? 8 : 0, TombstoneLife,
            OpenLimit: 3, DeadLetterLimit: 3)
        {
            References = countsReferences ? new ReferenceTerms(1 + digits.Next(30), $"host/{digits.Next(3)}") : null,
        };
        int first = digits.Next(Resources.Length);
        int count = 1 + digits.Next(3);
        ImmutableArray<BatchItem>.Builder items = ImmutableArray.CreateBuilder<BatchItem>();
        for (int i = 0; i < count; i++)
        {
            ResourceKey resource = Resources[(first + i) % Resources.Length];
            int kind = digits.Next(16);
            long hits = kind switch
            {
                < 4 => 0,
                4 => long.MaxValue / 2,
                5 => -3,
                _ => kind,
            };
            byte[] delta = kind == 15 ? [0xFF, 0] : hasOpaque ? OpaqueDelta(hits, ref digits) : Item.Delta(hits);
            items.Add(new BatchItem(resource, delta, Holds: digits.Next(2) == 0, Force: digits.Next(12) == 0, (CompletionReason)digits.Next(4)));
        }

        FlushRequest request = new(7, lane.Id, lane.Next, Hash: (ulong)_sent.Count + 1, items.ToImmutable(), terms) { Seen = seen };
        _sent.Add(request);
        FlushReply reply = Reply<FlushReply>(request);
        lane = reply.Status == FlushStatus.Applied ? (lane.Id, lane.Next + 1) : default;
    }

    /// <summary>What a lane never sends; the answer must be a refusal that changes nothing.</summary>
    private void Misnumber(ref Digits digits)
    {
        if (_sent.Count == 0)
            return;
        FlushRequest request = _sent[^1];
        FlushRequest wrong = digits.Next(4) switch
        {
            0 => request with { Number = request.Number + 2 },
            1 => request with { Hash = request.Hash + 1000 },
            2 => request with { Layout = 8 },
            _ => request with { Incarnation = new IncarnationId(_now, 1, ++_identities), Number = 2 },
        };
        PartitionState before = _state;
        FlushReply reply = Reply<FlushReply>(wrong);
        if (wrong.Number != request.Number || wrong.Layout != request.Layout)
            Assert.NotEqual(FlushStatus.Applied, reply.Status);
        if (reply.Status != FlushStatus.Applied)
            Assert.Same(before, _state);
    }

    private void Extend(ref Digits digits)
    {
        if (!TryTicket(ref digits, out ClaimTicket ticket))
            return;
        if (digits.Next(3) == 0)
            ticket = ticket with { Token = digits.Next(2) };
        Send(new ExtendRequest([ticket], 1 + digits.Next(30)));
    }

    private void Abandon(ref Digits digits)
    {
        if (TryTicket(ref digits, out ClaimTicket ticket))
            Send(new AbandonRequest(ticket, digits.Next(10), 1 + digits.Next(2), "no", (PoisonRule)digits.Next(2), 3));
    }

    private void DeadLetter(ref Digits digits)
    {
        ImmutableArray<DeadLetterEntry> letters = Reply<DeadLettersReply>(new DeadLettersRequest(10)).Letters;
        if (letters.IsEmpty)
            return;
        DeadLetterEntry letter = letters[digits.Next(letters.Length)];
        if (digits.Next(4) == 0)
            Send(new PurgeRequest(letter.Resource, letter.Id));
        else
            Send(new ReplayRequest(letter.Resource, letter.Id, digits.Next(10)));
    }

    private void Look()
    {
        PartitionState before = _state;
        Send(new PokeRequest(2));
        Send(new PeekRequest([.. Resources]));
        Send(new HoldersRequest(Resources[0]));
        Send(new MembersRequest());
        Send(new ClaimsRequest(2));
        Send(new DeadLettersRequest(2));
        Assert.Same(before, _state);
    }

    private bool TryTicket(ref Digits digits, out ClaimTicket ticket)
    {
        ticket = _tickets.Count == 0 ? default : _tickets[^(1 + digits.Next(Math.Min(_tickets.Count, 6)))];
        return _tickets.Count != 0;
    }

    private IncarnationId AnyIncarnation(ref Digits digits)
    {
        bool isStranger = _sent.Count == 0 || digits.Next(16) == 0;
        return isStranger ? new IncarnationId(_now, 2, ++_identities) : _sent[^(1 + digits.Next(Math.Min(_sent.Count, 20)))].Incarnation;
    }

    private TReply Reply<TReply>(CoordinatorRequest<TReply> request) => (TReply)Send(request);

    private object Send(object request)
    {
        PartitionState before = _state;
        string textBefore = StateText.Of(before);
        (PartitionState after, object reply) = Transitions.Apply(before, _now, _merger, request);
        Assert.Equal(textBefore, StateText.Of(before));
        (PartitionState again, _) = Transitions.Apply(before, _now, _merger, request);
        Assert.Equal(StateText.Of(after), StateText.Of(again));
        Assert.Empty(PartitionInvariants.Check(after));
        NumbersGrow(before, after);
        Account(before, after, request, reply);
        if (hasOpaque)
            CheckOpaque(after);
        _state = after;
        took?.Invoke(new Transition(_now, request, reply, after));
        Assert.Equal(_applied, Contained(after) + _ended);
        return reply;
    }

    /// <summary>I5: every generation and token that appears is above everything that was ever drawn.</summary>
    private static void NumbersGrow(PartitionState before, PartitionState after)
    {
        Assert.True(after.Clock >= before.Clock);
        List<long> drawn = [];
        drawn.AddRange(after.Open.Where(open => open.Value.HasUpdates && open.Value.Generation != before.Open.GetValueOrDefault(open.Key)?.Generation)
            .Select(static open => open.Value.Generation));
        drawn.AddRange(after.Sealed.Where(done => done.Value.Token != before.Sealed.GetValueOrDefault(done.Key)?.Token).Select(static done => done.Value.Token));
        drawn.AddRange(after.DeadLetters.Keys.Where(key => !before.DeadLetters.ContainsKey(key) && !before.Sealed.ContainsKey(key.Resource)).Select(static key => key.Id));
        Assert.All(drawn, number => Assert.InRange(number, before.Clock + 1, after.Clock));
        Assert.Equal(drawn.Count, drawn.Distinct().Count());
    }

    private void Account(PartitionState before, PartitionState after, object request, object reply)
    {
        answers.Note(reply);
        switch (request, reply)
        {
            case (FlushRequest flush, FlushReply { Status: FlushStatus.Applied } applied):
                // I1: a number is applied once.
                Assert.True(_firstAnswers.TryAdd((flush.Incarnation, flush.Number), applied.Refused));
                Assert.True(applied.Clock >= flush.Seen);
                for (int i = 0; i < flush.Items.Length; i++)
                {
                    int index = i;
                    bool isKept = !applied.Refused.Any(refused =>
                        refused.Index == index && refused.Outcome is ItemOutcome.MalformedNotKept or ItemOutcome.OverflowNotKept);
                    _applied += isKept && !IsOfNobody(before, flush.Items[i]) ? Hits(flush.Items[i].Delta) : 0;
                }

                Released(before, after, flush, applied);
                break;
            case (FlushRequest flush, FlushReply refused):
                // I10, and the same for every refusal: nothing happened.
                Assert.Same(before, after);
                if (refused.Status is FlushStatus.Duplicate or FlushStatus.Fenced)
                    Assert.Equal(_firstAnswers[(flush.Incarnation, refused.Last)], refused.Refused);
                ReleasedAgain(before, flush, refused);
                break;
            case (ClaimRequest claim, ClaimReply claimed):
                Claimed(before, after, claim, claimed);
                break;
            case (AcknowledgeRequest acknowledge, AcknowledgeReply acknowledged):
                for (int i = 0; i < acknowledge.Tickets.Length; i++)
                {
                    ClaimTicket ticket = acknowledge.Tickets[i];
                    bool isCurrent = IsCurrent(before, ticket);
                    Assert.Equal(isCurrent, acknowledged.Accepted[i]);
                    _ended += isCurrent ? Hits(before.Sealed[ticket.Resource].Fields) : 0;
                }

                break;
            case (ExtendRequest extend, ExtendReply extended):
                Assert.Equal(IsCurrent(before, extend.Tickets[0]), extended.Held[0]);
                break;
            case (AbandonRequest abandon, AbandonReply abandoned):
                Assert.Equal(IsCurrent(before, abandon.Ticket), abandoned.Status != AbandonStatus.Stale);
                Assert.False(IsCurrent(after, abandon.Ticket));
                break;
            case (PurgeRequest purge, PurgeReply { Purged: true }):
                _ended += before.DeadLetters.TryGetValue((purge.Resource, purge.Id), out DeadLetterEntry? letter)
                    ? Hits(letter.Fields)
                    : Hits(before.Sealed[purge.Resource].Fields);
                break;
            case (BeatRequest beat, BeatReply beaten):
                Assert.Equal(before.Members.ContainsKey(beat.Incarnation), beaten.Status == BeatStatus.Alive);
                Assert.Equal(before.Members.Keys.Order(), after.Members.Keys.Order());
                Assert.True(beaten.Expired.Length <= beat.Limit);
                break;
            case (ReapRequest reap, ReapReply { WasExpired: true }):
                Assert.True(!before.Members.TryGetValue(reap.Incarnation, out Member? reaped) || reaped.LeaseDeadline <= _now);
                Assert.False(after.Members.ContainsKey(reap.Incarnation));
                break;
            case (ReapRequest, ReapReply):
                Assert.Same(before, after);
                break;
        }
    }

    private void Claimed(PartitionState before, PartitionState after, ClaimRequest request, ClaimReply reply)
    {
        Assert.True(reply.Claims.Length <= request.Limit);
        foreach (ClaimedSession session in reply.Claims)
        {
            _tickets.Add(new ClaimTicket(session.Resource, session.Generation, session.Token));
            Assert.True(session.Token > Math.Max(before.Clock, request.Seen));

            Delivered(session);
            if (before.Sealed.TryGetValue(session.Resource, out SealedRecord? taken))
            {
                Assert.True(taken is { Parked: false } && taken.LeaseDeadline <= _now);
                continue;
            }

            // I6: sealing needs count 0, force, or the hard deadline.
            OpenRecord open = before.Open[session.Resource];
            Assert.True(open.Holders == 0 || open.Forced || open.HardDue <= _now);
            Assert.True(open.Due <= _now);
        }

        // A limit that was not reached means that there is nothing left to claim.
        if (reply.Claims.Length < request.Limit)
            Assert.True(after.NextDue > _now && after.NextClaimExpiry > _now);
    }

    /// <summary>I4: whatever way a generation took, it is delivered with the same content.</summary>
    private void Delivered(ClaimedSession session)
    {
        string content = $"{session.TimesModified} {session.CreatedAt} {session.SealedAt} {session.Reason} {Convert.ToHexString(session.Fields.Span)}";
        if (!hasOpaque && !_contents.TryAdd((session.Resource, session.Generation), content))
            Assert.Equal(_contents[(session.Resource, session.Generation)], content);
    }

    private static bool IsCurrent(PartitionState state, ClaimTicket ticket) =>
        state.Sealed.TryGetValue(ticket.Resource, out SealedRecord? record) && !record.Parked
        && record.Generation == ticket.Generation && record.Token == ticket.Token;

    /// <summary>I2: what the partition holds of all that was applied, wherever it is.</summary>
    private static Int128 Contained(PartitionState state) =>
        Sum(state.Open.Values.Select(static open => open.Fields)) + Sum(state.Sealed.Values.Select(static done => done.Fields))
        + Sum(state.DeadLetters.Values.Select(static letter => letter.Fields));

    private static Int128 Sum(IEnumerable<ReadOnlyMemory<byte>> records) => records.Aggregate(Int128.Zero, static (sum, record) => sum + Hits(record));

    private static Int128 Hits(ReadOnlyMemory<byte> record) =>
        record.IsEmpty || record.Span[0] == 0xFF ? 0 : OpaqueDeltas.Count(record) > 0 ? OpaqueDeltas.Total(record) : Item.Hits(record);

    /// <summary>The choices of one step, taken off its number.</summary>
    private struct Digits(int step)
    {
        private ulong _state = (ulong)step + 0x9E3779B97F4A7C15;

        public int Next(int below)
        {
            // Far more choices than 31 bits hold: each is mixed out of the number, so that equal numbers choose alike.
            _state = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9;
            _state = (_state ^ (_state >> 27)) * 0x94D049BB133111EB;
            _state ^= _state >> 31;
            return (int)(_state % (ulong)below);
        }
    }

    /// <summary>One transition: the server's time, what was asked and answered, and the state after it.</summary>
    internal sealed record Transition(long Now, object Request, object Reply, PartitionState After);

    /// <summary>Which answers have been seen.</summary>
    internal sealed class Answers
    {
        private readonly HashSet<Enum> _seen = [];

        public void Note(object reply)
        {
            _seen.UnionWith(reply switch
            {
                FlushReply flush => flush.Refused.Select(static refused => (Enum)refused.Outcome).Append(flush.Status).Concat(flush.Released.Select(item => (Enum)LastReleaseAnswers.Of(flush, item))),
                BeatReply beat => [beat.Status],
                AbandonReply abandon => [abandon.Status],
                ReplayReply replay => [replay.Status],
                CompactReply compact => compact.Statuses.Select(static status => (Enum)status),
                ClaimReply claim => claim.Claims.Select(static session => (Enum)session.Reason),
                _ => [],
            });
        }

        public IEnumerable<Enum> Missing(bool byInactivity, bool hasOpaque = false, bool countsReferences = false) =>
            new[] { typeof(LastReleaseAnswer), typeof(CompactStatus), typeof(FlushStatus), typeof(ItemOutcome), typeof(BeatStatus), typeof(AbandonStatus), typeof(ReplayStatus), typeof(CompletionReason) }
                .SelectMany(static type => Enum.GetValues(type).Cast<Enum>())
                .Except(byInactivity ? Enum.GetValues<CompletionReason>().Cast<Enum>() : []).Except([ReplayStatus.NotFound])
                .Except(hasOpaque ? [] : Enum.GetValues<CompactStatus>().Cast<Enum>())
                .Except(countsReferences ? [] : Enum.GetValues<LastReleaseAnswer>().Cast<Enum>()).Except(_seen);
    }
}
