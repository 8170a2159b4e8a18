using Sluice.Coordination;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>A reply as text, so that those of two coordinators can be compared and a difference be read.</summary>
internal static class ReplyText
{
    /// <summary>
    /// Everything that the protocol fixes. Which of several dead incarnations a bounded answer names is not fixed: beyond their number they are compared only when all fit.
    /// </summary>
    public static string Of(object request, object reply) => reply switch
    {
        FlushReply flush => $"{flush with { Refused = [], Crowded = [], Released = [], Claims = [] }} [{string.Join(' ', flush.Refused)}] [{string.Join(' ', flush.Crowded)}] [{string.Join(' ', flush.Released)}]{Claims(flush.Claims)}",
        CompactReply compact => $"{compact with { Statuses = [] }} [{string.Join(' ', compact.Statuses)}]",
        ClaimReply claim => $"{claim with { Claims = [] }}{Claims(claim.Claims)}",
        AcknowledgeReply acknowledge => $"{acknowledge with { Accepted = [] }} [{string.Join(' ', acknowledge.Accepted)}]",
        ExtendReply extend => $"{extend with { Held = [] }} [{string.Join(' ', extend.Held)}]",
        BeatReply beat => $"{beat with { Expired = [] }} {Expired(beat.Expired, ((BeatRequest)request).Limit)}",
        PokeReply poke => $"{poke with { Expired = [] }} {Expired(poke.Expired, ((PokeRequest)request).Limit)}",
        PeekReply peek => $"{peek.Now}{string.Concat(peek.Resources.Select(static peeked => $"\n  {peeked with { Open = default, Sealed = default }} {Hex(peeked.Open)} {Hex(peeked.Sealed)}"))}",
        HoldersReply holders => $"{string.Join(' ', holders.Holders)} {string.Join(' ', holders.Entries)}",
        MembersReply members => $"{members.Now}{string.Concat(members.Members.Select(static member => $"\n  {member}"))}",
        ClaimsReply claims => $"{claims.Now}{string.Concat(claims.Sessions.Select(static session => $"\n  {session}"))}",
        DeadLettersReply letters => $"{letters.Total}{string.Concat(letters.Letters.Select(static letter => $"\n  {letter with { Fields = default }} {Hex(letter.Fields)}"))}",
        _ => reply.ToString()!,
    };

    private static string Expired(IReadOnlyCollection<IncarnationId> expired, int limit) =>
        $"{expired.Count} [{(expired.Count < limit ? string.Join(' ', expired.Order()) : "")}]";

    private static string Claims(IEnumerable<ClaimedSession> claims) => string.Concat(claims.Select(static session => $"\n  {session with { Fields = default }} {Hex(session.Fields)}"));

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexString(bytes.Span);
}
