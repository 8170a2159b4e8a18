using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice.Tests.Locks;

/// <summary>
/// What the engines of a history were told, from replies and pushes alone: who believes to hold what, with which token, until when. Knows nothing of how a
/// server keeps it.
/// </summary>
internal sealed class LockBook
{
    private readonly Dictionary<LockHandleId, Entry> _entries = [];
    private readonly Dictionary<IncarnationId, long> _deadlines = [];
    private readonly HashSet<LockHandleId> _over = [];
    private readonly Dictionary<ResourceKey, long> _highest = [];

    private sealed class Entry(AcquireRequest request)
    {
        public AcquireRequest Request => request;

        public bool IsHeld { get; set; }

        public LockMode Mode { get; set; } = request.Claims[0].Mode;

        public long Token { get; set; }

        public long Deadline { get; set; } = Durations.Never;
    }

    public bool IsOpen(IncarnationId session, long now) => _deadlines.TryGetValue(session, out long deadline) && deadline > now;

    public long[] Numbers(IncarnationId session) => [.. _entries.Keys.Where(handle => handle.Session == session).Select(static handle => handle.Number).Order()];

    public void Note(object request, LockStep step, long now, LockHistory.Answers answers)
    {
        // In the order of the grants: some pushes are of what was granted before the request itself was.
        long token = step.Reply is AcquireReply { Status: AcquireStatus.Granted } granted ? granted.Token : 0;
        Woken(step.Wakes.Where(wake => wake.Kind != LockWakeKind.Granted || wake.Token < token), now, answers);
        Replied(request, step, now, answers);
        Woken(step.Wakes.Where(wake => wake.Kind == LockWakeKind.Granted && wake.Token >= token), now, answers);
    }

    private void Replied(object request, LockStep step, long now, LockHistory.Answers answers)
    {
        switch (request, step.Reply)
        {
            case (OpenSessionRequest open, OpenSessionReply opened):
                _deadlines[opened.Session] = Durations.After(now, open.Lease);
                break;
            case (RenewRequest renew, RenewReply renewed):
                Renewed(renew, renewed, now);
                break;
            case (AcquireRequest acquire, AcquireReply reply):
                answers.Note(reply.Status.ToString());
                Acquired(acquire, reply, now);
                break;
            case (ConvertRequest convert, AcquireReply reply):
                answers.Note(reply.Status == AcquireStatus.Granted ? "converted" : reply.Status.ToString());
                if (reply.Status == AcquireStatus.Granted && _entries.TryGetValue(new LockHandleId(convert.Session, convert.Number), out Entry? converted))
                    Converted(converted, convert.Mode, reply.Token);
                break;
            case (ReleaseRequest release, ReleaseReply reply):
                answers.Note("release " + reply.Status);
                LockHandleId handle = new(release.Session, release.Number);

                // Nobody's any more once it is there.
                if (_entries.TryGetValue(handle, out Entry? released) && released.Mode == LockMode.Signal)
                    break;
                _entries.Remove(handle);
                if (release.IsDoubtful && reply.Status != ReleaseStatus.SessionLost)
                    _over.Add(handle);
                break;
            case (CloseSessionRequest close, _):
                End(close.Session);
                break;
        }

    }

    private void Woken(IEnumerable<LockWake> wakes, long now, LockHistory.Answers answers)
    {
        foreach (LockWake wake in wakes)
        {
            answers.Note("wake " + wake.Kind);
            LockHandleId woken = new(wake.Session, wake.Number);
            if (wake.Kind == LockWakeKind.SessionEnded)
                End(wake.Session);
            else if (wake.Kind == LockWakeKind.HoldEnded)
                _entries.Remove(woken);
            else if (wake.Kind == LockWakeKind.Granted && _entries.TryGetValue(woken, out Entry? granted))
                WokenWith(granted, woken, wake.Token, now);
        }
    }

    /// <summary>No two of them believe what can't both be true; and what the server has granted, somebody was told.</summary>
    public void CheckAgainst(LockPartitionState state, long now)
    {
        (LockHandleId Handle, Entry Entry)[] living =
            [.. _entries.Where(entry => entry.Value.IsHeld && entry.Value.Deadline > now && IsOpen(entry.Key.Session, now)).Select(static entry => (entry.Key, entry.Value))];
        foreach (IGrouping<ResourceKey, LockMode> holders in living
            .SelectMany(static held => held.Entry.Request.Claims.Select(claim => (claim.Resource, held.Entry.Mode)))
            .GroupBy(static held => held.Resource, static held => held.Mode))
        {
            Require(holders.Count() == 1 || !holders.Contains(LockMode.Exclusive), $"'{holders.Key}' is believed to be held exclusively, and {holders.Count()} times.");
            Require(holders.Count(static mode => mode == LockMode.Upgradeable) <= 1, $"'{holders.Key}' has two upgradeable readers.");
            Require(holders.Count(static mode => mode == LockMode.Permit) <= 2, $"'{holders.Key}' has {holders.Count()} permits out, of 2.");
        }

        foreach ((ResourceKey resource, LockRecord record) in state.Records)
        {
            foreach (LockHolder holder in record.Holders)
            {
                if (holder.OutlivesSession || !IsOpen(holder.Handle.Session, now) || holder.Deadline <= now)
                    continue;
                Require(!_over.Contains(holder.Handle), $"{holder.Handle} was released, and holds '{resource}' again.");
                Require(
                    !_entries.TryGetValue(holder.Handle, out Entry? entry) || (entry.IsHeld && entry.Token == holder.Token && entry.Mode == holder.Mode),
                    $"{holder.Handle} holds '{resource}' with token {holder.Token}, and was not told.");
            }
        }

        foreach ((LockHandleId handle, Entry entry) in _entries)
        {
            if (IsOpen(handle.Session, now) && entry.Deadline > now && entry.Mode != LockMode.Signal)
            {
                Require(
                    state.Sessions.TryGetValue(handle.Session, out LockSession? session) && session.Handles.ContainsKey(handle.Number),
                    $"{handle} {(entry.IsHeld ? "holds" : "waits")}, as far as it was told, and the server knows nothing of it.");
            }
        }
    }

    private static void Require(bool isTrue, string otherwise)
    {
        if (!isTrue)
            throw new LockViolationException(otherwise);
    }

    private void Acquired(AcquireRequest request, AcquireReply reply, long now)
    {
        LockHandleId handle = new(request.Session, request.Number);
        if (reply.Status is AcquireStatus.Granted or AcquireStatus.Waiting)
        {
            Require(!_over.Contains(handle), $"{handle} was released, and a late copy of its acquire was taken for a new one.");
            Require(IsOpen(handle.Session, now), $"{handle} belongs to a session that is over.");
            if (!_entries.TryGetValue(handle, out Entry? entry))
                _entries.Add(handle, entry = new Entry(request));
            if (reply.Status == AcquireStatus.Granted && !entry.IsHeld)
                Granted(entry, handle, reply.Token, now, wasUpgrading: false);
        }
        else if (reply.Status == AcquireStatus.SessionLost)
        {
            End(request.Session);
        }
        else if (reply.Status == AcquireStatus.Busy)
        {
            Require(!_entries.ContainsKey(handle), $"{handle} is known, and was answered as a stranger.");
        }
    }

    /// <summary>A push may tell what a reply has told already.</summary>
    private void WokenWith(Entry entry, LockHandleId handle, long token, long now)
    {
        if (!entry.IsHeld || token > entry.Token)
            Granted(entry, handle, token, now, wasUpgrading: entry.IsHeld);
    }

    private void Renewed(RenewRequest request, RenewReply reply, long now)
    {
        long deadline = _deadlines.GetValueOrDefault(request.Session);
        Require(!reply.IsAlive || deadline > now, $"{request.Session} was over, and lives again.");
        if (reply.IsAlive)
        {
            _deadlines[request.Session] = Durations.After(now, request.Lease);
            foreach (HandleReport report in reply.Handles)
            {
                // A signal is not its session's any more.
                LockHandleId handle = new(request.Session, report.Number);
                Require(
                    report.Standing != HandleStanding.Held || _entries.GetValueOrDefault(handle) is not { IsHeld: true } held || held.Deadline > now,
                    $"{handle} holds beyond its bound.");
                if (report.Standing == HandleStanding.Unknown && _entries.TryGetValue(handle, out Entry? entry) && entry.Mode != LockMode.Signal)
                    _entries.Remove(handle);
            }
        }
        else
        {
            End(request.Session);
        }
    }

    private void Granted(Entry entry, LockHandleId handle, long token, long now, bool wasUpgrading)
    {
        foreach (LockClaim claim in entry.Request.Claims)
        {
            // Those who meet at a rendezvous are granted one token together.
            long highest = _highest.GetValueOrDefault(claim.Resource);
            Require(token > highest || (claim.Mode == LockMode.Rendezvous && token == highest), $"{handle} was granted '{claim.Resource}' with token {token} after {highest}.");
            _highest[claim.Resource] = token;
        }

        (entry.IsHeld, entry.Token) = (true, token);
        if (wasUpgrading)
            entry.Mode = LockMode.Exclusive;
        else
            entry.Deadline = Durations.After(now, entry.Request.MaxHold);
    }

    private void Converted(Entry entry, LockMode mode, long token)
    {
        if (token > entry.Token)
            _highest[entry.Request.Claims[0].Resource] = token;
        (entry.Mode, entry.Token) = (mode, token);
    }

    private void End(IncarnationId session)
    {
        _deadlines[session] = -1;
        foreach (LockHandleId handle in _entries.Keys.Where(handle => handle.Session == session).ToArray())
            _entries.Remove(handle);
    }
}
