using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>
/// One partition on its server: writes the calls of the scripts and reads their answers. A value that is made for one call; it holds nothing.
/// </summary>
/// <param name="client">The connections that the call takes.</param>
/// <param name="scripts">The scripts.</param>
/// <param name="keys">The partition's keys.</param>
/// <param name="schema">The schema, as scripts read it.</param>
/// <param name="cancellation">Calls the waiting off; what was sent may run all the same.</param>
internal readonly partial struct RedisPartition(RespClient client, RedisScripts scripts, PartitionKeys keys, byte[] schema, CancellationToken cancellation)
{
    private const int TermsBytes = 51;
    private const int ClaimLeaseBytes = 7;
    private const int TicketBytes = 14;
    private const int MaxErrorBytes = 4096;

    public ValueTask<FlushReply> FlushAsync(FlushRequest request)
    {
        Span<byte> owned = stackalloc byte[keys.OwnedPrefix.Length + IncarnationId.MaxLength], name = stackalloc byte[IncarnationId.MaxLength];
        owned = owned[..keys.WriteOwned(owned, request.Incarnation)];
        name = name[..request.Incarnation.Write(name)];
        ReferenceTerms? references = request.Terms.References;
        RespCommand command = client.Command(scripts.Flush, references is null ? 9 : 11);
        command.Key(keys.Meta).Key(keys.Leases).Key(keys.Tombstones).Key(owned).Key(keys.Open).Key(keys.Due)
            .Key(keys.DeadLetters).Key(keys.DeadLetterNames).Key(keys.OpenLarge);
        if (references is not null)
            command.Key(keys.Sealed).Key(keys.Claims);
        Span<byte> packed = stackalloc byte[TermsBytes + ClaimLeaseBytes + ReferenceTerms.MaxHolderBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(packed, request.Hash);
        command.Write(Number(request.Seen)).Write(name).Write(request.Incarnation.IssuedAt).Write(request.Number).Write(packed[..8]);
        command.Write(packed[..WriteTerms(packed, request.Layout, request.Terms)]).Write(schema);
        using (BatchArguments arguments = new(request.Items, schema, endsByReference: request.Terms.Inactivity == 0))
            command.Write(arguments.Names).Write(arguments.Items);

        if (references is not null)
            return command.ToAsync((ref reply) => ReferenceReply(reply, request), cancellationToken: cancellation);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            FlushStatus status = (FlushStatus)cursor.Count32();
            FlushReply answer = new(status, cursor.Number(), PackedRecords.Refused(cursor.Bytes()), cursor.Number(), cursor.Number(), cursor.Number());
            return cursor.Count > 6 ? answer with { Crowded = Indices(cursor.Bytes()) } : answer;
        }, cancellationToken: cancellation);
    }

    private static FlushReply ReferenceReply(RespReader reply, FlushRequest request)
    {
        ReplyCursor cursor = new(reply);
        FlushStatus status = (FlushStatus)cursor.Count32();
        long last = cursor.Number();
        byte[] outcomes = cursor.Bytes();
        FlushReply answer = new(status, last, PackedRecords.Refused(outcomes), cursor.Number(), cursor.Number(), cursor.Number());
        if (cursor.Count < 8)
            return answer;
        cursor.Bytes();
        ReplyCursor granted = cursor.Nested();
        ImmutableArray<ClaimedSession>.Builder claims = ImmutableArray.CreateBuilder<ClaimedSession>(granted.Count / 2);
        for (int i = granted.Count / 2; i > 0; i--)
        {
            ResourceKey resource = request.Items[granted.Count32()].Resource;
            claims.Add(PackedRecords.Sealed(granted.Bytes(), default).ToClaim(resource));
        }

        return answer with { Released = PackedRecords.Released(outcomes), Claims = claims.DrainToImmutable() };
    }

    public ValueTask<ClaimReply> ClaimAsync(ClaimRequest request)
    {
        RespCommand command = client.Command(scripts.Claim, 7);
        command.Key(keys.Meta).Key(keys.Open).Key(keys.OpenLarge).Key(keys.Due).Key(keys.Sealed).Key(keys.SealedLarge).Key(keys.Claims);
        command.Write(Number(request.Seen)).Write(request.Limit).Write(Number(request.Lease));
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            (long now, long clock, long nextDue, long nextClaimExpiry) = (cursor.Number(), cursor.Number(), cursor.Number(), cursor.Number());
            ReplyCursor sessions = cursor.Nested();
            ImmutableArray<ClaimedSession>.Builder claims = ImmutableArray.CreateBuilder<ClaimedSession>(sessions.Count / 3);
            for (int i = sessions.Count / 3; i > 0; i--)
            {
                ResourceKey resource = new(sessions.Bytes());
                claims.Add(PackedRecords.Sealed(sessions.Bytes(), sessions.Bytes()).ToClaim(resource));
            }

            return new ClaimReply(claims.DrainToImmutable(), now, clock, nextDue, nextClaimExpiry);
        }, cancellationToken: cancellation);
    }

    public ValueTask<AcknowledgeReply> AcknowledgeAsync(AcknowledgeRequest request)
    {
        RespCommand command = client.Command(scripts.Acknowledge, 7);
        command.Key(keys.Meta).Key(keys.Open).Key(keys.Due).Key(keys.Sealed).Key(keys.SealedLarge).Key(keys.Claims).Key(keys.Parked);
        command.Write(Number(request.Seen));
        Write(ref command, request.Tickets);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            (long now, long nextDue) = (cursor.Number(), cursor.Number());
            return new AcknowledgeReply(Verdicts(cursor.Bytes()), now, nextDue);
        }, cancellationToken: cancellation);
    }

    public ValueTask<ExtendReply> ExtendAsync(ExtendRequest request)
    {
        RespCommand command = client.Command(scripts.Extend, 3);
        command.Key(keys.Meta).Key(keys.Sealed).Key(keys.Claims).Write(Number(request.Seen)).Write(Number(request.Lease));
        Write(ref command, request.Tickets);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            long now = cursor.Number();
            return new ExtendReply(Verdicts(cursor.Bytes()), now);
        }, cancellationToken: cancellation);
    }

    public ValueTask<AbandonReply> AbandonAsync(AbandonRequest request)
    {
        RespCommand command = client.Command(scripts.Abandon, 9);
        command.Key(keys.Meta).Key(keys.Open).Key(keys.Due).Key(keys.Sealed).Key(keys.SealedLarge).Key(keys.Claims).Key(keys.Parked)
            .Key(keys.DeadLetters).Key(keys.DeadLetterNames);
        Span<byte> ticket = stackalloc byte[TicketBytes];
        Pack(ticket, request.Ticket);
        command.Write(Number(request.Seen)).Write(request.Ticket.Resource.Bytes).Write(ticket).Write(Number(request.Backoff)).Write(request.MaxAttempts)
            .Write(Cut(request.Error)).Write(request.Poison == PoisonRule.Skip ? "1" : "0").Write(request.DeadLetterLimit);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            return new AbandonReply((AbandonStatus)cursor.Count32(), cursor.Number(), cursor.Number());
        }, cancellationToken: cancellation);
    }

    public ValueTask<BeatReply> BeatAsync(BeatRequest request)
    {
        RespCommand command = client.Command(scripts.Beat, 9);
        command.Key(keys.Meta).Key(keys.Leases).Key(keys.Tombstones).Key(keys.PurgeQueue).Key(keys.Fenced).Key(keys.Open).Key(keys.Due)
            .Key(keys.Sealed).Key(keys.Claims);
        command.Write(Number(request.Seen)).Write(Name(request.Incarnation)).Write(Number(request.Lease)).Write(request.Limit);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            BeatStatus status = (BeatStatus)cursor.Count32();
            (long last, long now, long nextDue, long nextClaimExpiry) = (cursor.Number(), cursor.Number(), cursor.Number(), cursor.Number());
            return new BeatReply(status, last, Incarnations(cursor.Nested()), now, nextDue, nextClaimExpiry);
        }, cancellationToken: cancellation);
    }

    public ValueTask<PokeReply> PokeAsync(PokeRequest request)
    {
        RespCommand command = client.Command(scripts.Poke, 8);
        command.Key(keys.Meta).Key(keys.Leases).Key(keys.Fenced).Key(keys.Due).Key(keys.Claims).Key(keys.Open).Key(keys.Sealed).Key(keys.Parked);
        command.Write(request.Limit);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            (long now, long clock, long nextDue, long nextClaimExpiry) = (cursor.Number(), cursor.Number(), cursor.Number(), cursor.Number());
            (int open, int held, int done, int parked, int members) = (cursor.Count32(), cursor.Count32(), cursor.Count32(), cursor.Count32(), cursor.Count32());
            return new PokeReply(now, clock, Incarnations(cursor.Nested()), nextDue, nextClaimExpiry, open, held, done, parked, members);
        }, cancellationToken: cancellation);
    }

    public ValueTask<ReapReply> ReapAsync(ReapRequest request)
    {
        RespCommand command = client.Command(scripts.Reap, 8);
        command.Key(keys.Meta).Key(keys.Leases).Key(keys.Tombstones).Key(keys.PurgeQueue).Key(keys.Fenced).Key(keys.Owned(request.Incarnation))
            .Key(keys.Open).Key(keys.Due);
        command.Write(Number(request.Seen)).Write(Name(request.Incarnation)).Write(request.Limit).Write(Number(request.Linger)).Write(Number(request.TombstoneLife));
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            return new ReapReply(cursor.Count32() == 1, cursor.Count32(), cursor.Number(), cursor.Number());
        }, cancellationToken: cancellation);
    }

    public ValueTask<LeaveReply> LeaveAsync(LeaveRequest request)
    {
        RespCommand command = client.Command(scripts.Leave, 5);
        command.Key(keys.Meta).Key(keys.Leases).Key(keys.Tombstones).Key(keys.PurgeQueue).Key(keys.Owned(request.Incarnation));
        command.Write(Number(request.Seen)).Write(Name(request.Incarnation)).Write(Number(request.TombstoneLife));
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            return new LeaveReply(cursor.Count32() == 1, cursor.Count32());
        }, cancellationToken: cancellation);
    }

    public ValueTask<EndReply> EndAsync(EndRequest request)
    {
        RespCommand command = client.Command(scripts.End, 3);
        command.Key(keys.Meta).Key(keys.Open).Key(keys.Due).Write(Number(request.Seen)).Write((int)request.Reason);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            return new EndReply(cursor.Count32(), cursor.Number(), cursor.Number());
        }, cancellationToken: cancellation);
    }

    public ValueTask<CompactReply> CompactAsync(CompactRequest request)
    {
        RespCommand command = client.Command(scripts.Compact, 5);
        command.Key(keys.Meta).Key(keys.Open).Key(keys.OpenLarge).Key(keys.Sealed).Key(keys.SealedLarge).Write(Number(request.Seen)).Write(schema);
        foreach (Compaction compaction in request.Compactions)
        {
            command.Write(compaction.Resource.Bytes).Write(Number(compaction.Generation)).Write(compaction.Field).Write(compaction.PrefixLength)
                .Write(compaction.Version).Write(compaction.Merged.Span);
        }

        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            long now = cursor.Number();
            return new CompactReply([.. cursor.Bytes().Select(static digit => (CompactStatus)(digit - '0'))], now);
        }, cancellationToken: cancellation);
    }

    private static long Number(long value) => PackedRecords.ToScript(value);

    private static string Name(IncarnationId incarnation) => incarnation.ToString();

    private static byte[] Cut(string error)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(error);
        if (bytes.Length <= MaxErrorBytes)
            return bytes;
        int end = MaxErrorBytes;
        while ((bytes[end] & 0xC0) == 0x80)
            end--; // not in the middle of a character
        return bytes[..end];
    }

    private static void Write(ref RespCommand command, ImmutableArray<ClaimTicket> tickets)
    {
        Span<byte> packed = stackalloc byte[TicketBytes];
        foreach (ClaimTicket ticket in tickets)
        {
            Pack(packed, ticket);
            command.Write(ticket.Resource.Bytes).Write(packed);
        }
    }

    private static void Pack(Span<byte> destination, ClaimTicket ticket)
    {
        PackedRecords.Write7(destination, ticket.Generation);
        PackedRecords.Write7(destination[7..], ticket.Token);
    }

    private static int WriteTerms(Span<byte> packed, ulong layout, FlushTerms terms)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(packed, layout);
        PackedRecords.Write7(packed[8..], terms.Lease);
        PackedRecords.Write7(packed[15..], terms.Linger);
        PackedRecords.Write7(packed[22..], terms.Hard);
        PackedRecords.Write7(packed[29..], terms.Inactivity);
        PackedRecords.Write7(packed[36..], terms.TombstoneLife);
        BinaryPrimitives.WriteInt32LittleEndian(packed[43..], terms.OpenLimit);
        BinaryPrimitives.WriteInt32LittleEndian(packed[47..], terms.DeadLetterLimit);
        if (terms.References is not { } references)
            return TermsBytes;
        PackedRecords.Write7(packed[TermsBytes..], references.ClaimLease);
        return TermsBytes + ClaimLeaseBytes + Encoding.UTF8.GetBytes(references.Holder, packed[(TermsBytes + ClaimLeaseBytes)..]);
    }

    private static ImmutableArray<int> Indices(ReadOnlySpan<byte> packed)
    {
        ImmutableArray<int>.Builder indices = ImmutableArray.CreateBuilder<int>(packed.Length / sizeof(int));
        for (; !packed.IsEmpty; packed = packed[sizeof(int)..])
            indices.Add(BinaryPrimitives.ReadInt32LittleEndian(packed));
        return indices.DrainToImmutable();
    }

    private static ImmutableArray<bool> Verdicts(byte[] digits) => [.. digits.Select(static digit => digit == '1')];

    private static ImmutableArray<IncarnationId> Incarnations(ReplyCursor names)
    {
        ImmutableArray<IncarnationId>.Builder incarnations = ImmutableArray.CreateBuilder<IncarnationId>(names.Count);
        for (int i = names.Count; i > 0; i--)
            incarnations.Add(IncarnationId.Parse(names.Next().ReadString()!));
        return incarnations.DrainToImmutable();
    }
}
