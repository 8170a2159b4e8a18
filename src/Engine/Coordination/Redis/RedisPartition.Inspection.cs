using System.Collections.Immutable;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <content>What people and tools ask for.</content>
internal readonly partial struct RedisPartition
{
    public ValueTask<PeekReply> PeekAsync(PeekRequest request)
    {
        RespCommand command = client.Command(scripts.Peek, 4);
        command.Key(keys.Open).Key(keys.OpenLarge).Key(keys.Sealed).Key(keys.SealedLarge);
        foreach (ResourceKey resource in request.Resources)
            command.Write(resource.Bytes);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            long now = cursor.Number();
            ReplyCursor values = cursor.Nested();
            ImmutableArray<PeekedResource>.Builder resources = ImmutableArray.CreateBuilder<PeekedResource>(values.Count / 4);
            for (int i = values.Count / 4; i > 0; i--)
            {
                OpenRecord open = PackedRecords.Open(values.Bytes(), values.Bytes());
                (byte[] done, byte[] doneLarge) = (values.Bytes(), values.Bytes());
                resources.Add(PeekedResource.Of(open, done.Length == 0 ? null : PackedRecords.Sealed(done, doneLarge)));
            }

            return new PeekReply(resources.DrainToImmutable(), now);
        }, cancellationToken: cancellation);
    }

    /// <summary>In two steps, because which sets there are to be asked is known only after the first: somebody who joins or dies in between is in the answer or not.</summary>
    public async ValueTask<HoldersReply> HoldersAsync(HoldersRequest request)
    {
        MembersReply members = await MembersAsync().ConfigureAwait(false);
        MemberEntry[] asked = [.. members.Members.Where(static member => member.Held > 0)];
        if (asked.Length == 0)
            return new HoldersReply([]);
        byte[][] answers = await AskHolders(asked, request.Resource).ConfigureAwait(false);
        HolderEntry[] holders =
        [
            .. asked.Zip(answers).Where(static pair => pair.Second.Length != 0).Select(static pair =>
            {
                Holding holding = PackedRecords.Holding(pair.Second);
                return new HolderEntry(pair.First.Incarnation, holding.Since, pair.First.LastSeen, holding.Holder);
            }),
        ];
        return new HoldersReply([.. holders.Select(static holder => holder.Incarnation)]) { Entries = [.. holders] };
    }

    public ValueTask<MembersReply> MembersAsync()
    {
        RespCommand command = client.Command(scripts.Members, 2);
        command.Key(keys.Meta).Key(keys.Tombstones);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            long now = cursor.Number();
            List<MemberEntry> members = [];
            foreach (bool isFenced in (ReadOnlySpan<bool>)[false, true])
            {
                ReplyCursor entries = cursor.Nested();
                for (int i = entries.Count / 2; i > 0; i--)
                {
                    (string name, byte[] record) = (entries.Next().ReadString()!, entries.Bytes());
                    if (name is not "#")
                        members.Add(PackedRecords.Member(IncarnationId.Parse(name), record, isFenced));
                }
            }

            return new MembersReply([.. members.OrderBy(static member => member.Incarnation)], now);
        }, cancellationToken: cancellation);
    }

    public ValueTask<ClaimsReply> ClaimsAsync(ClaimsRequest request)
    {
        int limit = request.Limit;
        RespCommand command = client.Command(scripts.Sealed, 1);
        command.Key(keys.Sealed);
        return command.ToAsync((ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            long now = cursor.Number();
            ReplyCursor entries = cursor.Nested();
            List<SealedEntry> sessions = [];
            for (int i = entries.Count / 2; i > 0; i--)
            {
                ResourceKey resource = new(entries.Bytes());
                sessions.Add(PackedRecords.Sealed(entries.Bytes(), default).ToEntry(resource));
            }

            return new ClaimsReply([.. sessions.OrderBy(static session => session.Resource).Take(limit)], now);
        }, cancellationToken: cancellation);
    }

    public ValueTask<DeadLettersReply> DeadLettersAsync(DeadLettersRequest request)
    {
        RespCommand command = client.Command(scripts.DeadLetters, 5);
        command.Key(keys.Sealed).Key(keys.SealedLarge).Key(keys.Parked).Key(keys.DeadLetters).Key(keys.DeadLetterNames).Write(request.Limit);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            int total = cursor.Count32();
            List<DeadLetterEntry> parked = [], letters = [];
            ReplyCursor entries = cursor.Nested();
            for (int i = entries.Count / 3; i > 0; i--)
            {
                ResourceKey resource = new(entries.Bytes());
                SealedRecord session = PackedRecords.Sealed(entries.Bytes(), entries.Bytes());
                parked.Add(session.ToLetter(resource, session.LastError ?? "", session.SealedAt));
            }

            entries = cursor.Nested();
            for (int i = entries.Count / 2; i > 0; i--)
                letters.Add(PackedRecords.Letter(entries.Bytes(), entries.Bytes()));
            return new DeadLettersReply(
                [.. parked.OrderBy(static letter => letter.Resource), .. letters.OrderBy(static letter => letter.Resource).ThenBy(static letter => letter.Id)], total);
        }, cancellationToken: cancellation);
    }

    public ValueTask<ReplayReply> ReplayAsync(ReplayRequest request)
    {
        RespCommand command = client.Command(scripts.Replay, 10);
        command.Key(keys.Meta).Key(keys.Open).Key(keys.OpenLarge).Key(keys.Due).Key(keys.Sealed).Key(keys.SealedLarge).Key(keys.Claims).Key(keys.Parked)
            .Key(keys.DeadLetters).Key(keys.DeadLetterNames);
        command.Write(Number(request.Seen)).Write(request.Resource.Bytes).Write(request.Id).Write(Number(request.Linger)).Write(schema);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            return new ReplayReply((ReplayStatus)cursor.Count32(), cursor.Number(), cursor.Number());
        }, cancellationToken: cancellation);
    }

    public ValueTask<PurgeReply> PurgeAsync(PurgeRequest request)
    {
        RespCommand command = client.Command(scripts.Purge, 9);
        command.Key(keys.Meta).Key(keys.Open).Key(keys.Due).Key(keys.Sealed).Key(keys.SealedLarge).Key(keys.Claims).Key(keys.Parked)
            .Key(keys.DeadLetters).Key(keys.DeadLetterNames);
        command.Write(Number(request.Seen)).Write(request.Resource.Bytes).Write(request.Id);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            return new PurgeReply(cursor.Count32() == 1, cursor.Number(), cursor.Number());
        }, cancellationToken: cancellation);
    }

    private ValueTask<byte[][]> AskHolders(MemberEntry[] members, ResourceKey resource)
    {
        RespCommand command = client.Command(scripts.Holders, members.Length);
        foreach (MemberEntry member in members)
            command.Key(keys.Owned(member.Incarnation));
        command.Write(resource.Bytes);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            byte[][] answers = new byte[cursor.Count][];
            for (int i = 0; i < answers.Length; i++)
                answers[i] = cursor.Bytes();
            return answers;
        }, cancellationToken: cancellation);
    }
}
