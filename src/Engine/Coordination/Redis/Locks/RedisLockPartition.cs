using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Sluice.Locking;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>
/// One partition of the locks on its server: writes the calls of the scripts and reads their answers. A value that is made for one call; it holds nothing.
/// </summary>
/// <param name="client">The connections that the call takes.</param>
/// <param name="scripts">The scripts.</param>
/// <param name="space">The locks.</param>
/// <param name="partition">The partition.</param>
/// <param name="cancellation">Calls the waiting off; what was sent may run all the same.</param>
internal readonly partial struct RedisLockPartition(
    RespClient client, LockScripts scripts, RedisLockNamespace space, int partition, CancellationToken cancellation)
{
    private const int ValuesPerParticipant = 7;

    public ValueTask<OpenSessionReply> OpenAsync(OpenSessionRequest request)
    {
        RespCommand command = Begin(scripts.Open, request.Seen);
        Span<byte> engine = stackalloc byte[PackedLocks.EngineBytes];
        PackedLocks.WriteEngine(engine, request.Engine);
        command.Write(engine).Write(space.Layout).Write(PackedRecords.ToScript(request.Lease)).Write(Text(request.Description));
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            if (cursor.Number() == 0)
            {
                throw new CoordinatorException(
                    RequestOutcome.NotApplied,
                    $"The server holds locks of processes with other partitions ({nameof(EngineOptions.Partitions)}) or other servers ({nameof(EngineOptions.Redis)}). Engines that share locks must agree.")
                {
                    IsPermanent = true,
                };
            }

            return new OpenSessionReply(PackedLocks.ReadSession(cursor.Bytes()), cursor.Number(), cursor.Number());
        }, cancellationToken: cancellation);
    }

    public ValueTask<AcquireReply> AcquireAsync(AcquireRequest request)
    {
        // Few arguments: each one costs the server a string and its script another.
        Span<byte> terms = stackalloc byte[PackedLocks.TermsBytes];
        PackedLocks.WriteTerms(terms, request);
        RespCommand command = Begin(scripts.Acquire, request.Seen).Write(terms).Write(Text(request.Owner));
        foreach (LockClaim claim in request.Claims)
            Write(ref command, claim);
        return command.ToAsync(Acquired, cancellationToken: cancellation);
    }

    public ValueTask<AcquireReply> ConvertAsync(ConvertRequest request)
    {
        RespCommand command = Begin(scripts.Convert, request.Seen, request.Session);
        command.Write(request.Number).Write(request.Step).Write((int)request.Mode).Write(request.Waits ? 1 : 0);
        return command.ToAsync(Acquired, cancellationToken: cancellation);
    }

    public ValueTask<ReleaseReply> ReleaseAsync(ReleaseRequest request)
    {
        Span<byte> handle = stackalloc byte[PackedLocks.HandleBytes + 1];
        PackedLocks.WriteHandle(handle, request.Session, request.Number);
        handle[^1] = request.IsDoubtful ? (byte)1 : (byte)0;
        RespCommand command = Begin(scripts.Release, request.Seen).Write(handle);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            return new ReleaseReply((ReleaseStatus)cursor.Count32(), cursor.Number(), cursor.Number());
        }, cancellationToken: cancellation);
    }

    public ValueTask<CloseSessionReply> CloseAsync(CloseSessionRequest request)
    {
        RespCommand command = Begin(scripts.Close, request.Seen, request.Session);
        command.Write(request.Limit);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            return new CloseSessionReply(cursor.Count32() == 1, cursor.Count32());
        }, cancellationToken: cancellation);
    }

    public ValueTask<ParticipantsReply> ParticipantsAsync(ParticipantsRequest request)
    {
        RespCommand command = Begin(scripts.Participants, request.Seen);
        command.Write(request.Resource.Bytes).Write(request.Limit);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            return new ParticipantsReply(Participants(cursor.Nested()), Participants(cursor.Nested()), cursor.Count32(), cursor.Number());
        }, cancellationToken: cancellation);
    }

    public async ValueTask<RevokeReply> RevokeAsync(RevokeRequest request) => new(await CountAsync(scripts.Revoke, request.Seen, request.Resource).ConfigureAwait(false));

    public async ValueTask<ForgetReply> ForgetAsync(ForgetRequest request) => new(await CountAsync(scripts.Forget, request.Seen, request.Resource).ConfigureAwait(false));

    public ValueTask<SurveyReply> SurveyAsync(SurveyRequest request)
    {
        RespCommand command = Begin(scripts.Survey, request.Seen);
        command.Write(request.Limit).Write(request.Participants);
        if (request.After is { } after)
            command.Write(after.Bytes);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            ReplyCursor records = cursor.Nested();
            ImmutableArray<SurveyedRecord>.Builder found = ImmutableArray.CreateBuilder<SurveyedRecord>(records.Count / 4);
            for (int i = records.Count / 4; i > 0; i--)
                found.Add(new SurveyedRecord(new ResourceKey(records.Bytes()), (LockPolicy)records.Count32(), Participants(records.Nested()), Participants(records.Nested())));
            return new SurveyReply(found.DrainToImmutable(), cursor.Count32() == 1);
        }, cancellationToken: cancellation);
    }

    public ValueTask<HandlesReply> HandlesAsync(HandlesRequest request)
    {
        RespCommand command = Begin(scripts.Handles, request.Seen, request.Session);
        command.Write(request.After).Write(request.Limit);
        return command.ToAsync(static (ref reply) =>
        {
            ReplyCursor cursor = new(reply);
            bool isUnfinished = cursor.Count32() == 1;
            ReplyCursor numbers = cursor.Nested();
            ImmutableArray<long>.Builder found = ImmutableArray.CreateBuilder<long>(numbers.Count);
            for (int i = numbers.Count; i > 0; i--)
                found.Add(numbers.Number());
            return new HandlesReply(found.DrainToImmutable(), isUnfinished);
        }, cancellationToken: cancellation);
    }

    private static void Write(ref RespCommand command, LockClaim claim)
    {
        int size = PackedLocks.ClaimHeadBytes + claim.Resource.Bytes.Length;
        Span<byte> packed = size <= 1024 ? stackalloc byte[size] : new byte[size];
        PackedLocks.WriteClaim(packed, claim);
        command.Write(packed);
    }

    private async ValueTask<int> CountAsync(Script script, long seen, ResourceKey resource)
    {
        return (int)await SendAsync(Begin(script, seen)).ConfigureAwait(false);

        ValueTask<long> SendAsync(RespCommand command) => command.Write(resource.Bytes).ToInt64Async();
    }

    private RespCommand Begin(Script script, long seen)
    {
        LockPartitionKeys keys = space.Keys(partition);
        RespCommand command = client.Command(script, keys.All.Count);
        foreach (byte[] key in keys.All)
            command.Key(key);
        Span<byte> number = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(number, partition);
        command.Write(PackedRecords.ToScript(seen)).Write(space.Channels).Write(number);
        return command;
    }

    private RespCommand Begin(Script script, long seen, IncarnationId session)
    {
        RespCommand command = Begin(script, seen);
        Span<byte> id = stackalloc byte[PackedLocks.SessionBytes];
        PackedLocks.WriteSession(id, session);
        command.Write(id);
        return command;
    }

    /// <summary>As scripts keep texts: their lengths have two bytes.</summary>
    private static string Text(string text) => Encoding.UTF8.GetByteCount(text) <= ushort.MaxValue
        ? text
        : throw new ArgumentException("A description or an owner takes at most 65,535 bytes of UTF-8.", nameof(text));

    private static AcquireReply Acquired(ref RespReader reply)
    {
        ReplyCursor cursor = new(reply);
        return new AcquireReply((AcquireStatus)cursor.Count32(), cursor.Number(), cursor.Number(), cursor.Number(), cursor.Number(), cursor.Number());
    }

    private static ImmutableArray<ParticipantEntry> Participants(ReplyCursor values)
    {
        int count = values.Count / ValuesPerParticipant;
        ImmutableArray<ParticipantEntry>.Builder found = ImmutableArray.CreateBuilder<ParticipantEntry>(count);
        for (int i = 0; i < count; i++)
        {
            found.Add(new ParticipantEntry(
                PackedLocks.ReadHandle(values.Bytes()), (LockMode)values.Count32(), values.Number(), values.Number(), Encoding.UTF8.GetString(values.Bytes()),
                Encoding.UTF8.GetString(values.Bytes()), values.Count32() == 1));
        }

        return found.MoveToImmutable();
    }
}
