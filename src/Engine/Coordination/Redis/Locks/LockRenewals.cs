using System.Buffers.Binary;
using System.Collections.Immutable;
using Sluice.Locking;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>The renewals of one engine on one server: one write, one command per partition. Made for one use, by one thread.</summary>
internal sealed class LockRenewals(RespClient client, RespEndpoint server) : IDisposable
{
    private const int NumberBytes = 7;

    private readonly RespBatch _batch = client.CreateBatch();
    private readonly List<Renewal> _renewals = [];

    public void Add(Renewal renewal, LockScripts scripts, RedisLockNamespace space)
    {
        RenewRequest request = renewal.Request;
        LockPartitionKeys keys = space.Keys(renewal.Partition);
        RespListedCommand command = _batch.Command(scripts.Renew, keys.All.Count);
        foreach (byte[] key in keys.All)
            command.Key(key);
        Span<byte> packed = stackalloc byte[PackedLocks.SessionBytes];
        BinaryPrimitives.WriteInt32LittleEndian(packed, renewal.Partition);
        command.Write(PackedRecords.ToScript(request.Seen)).Write(space.Channels).Write(packed[..sizeof(int)]);
        PackedLocks.WriteSession(packed, request.Session);
        command.Write(packed).Write(PackedRecords.ToScript(request.Lease)).Write(request.Limit).Write(request.CountTo);
        foreach (long number in request.LookUp)
            command.Write(number);
        command.Add();
        _renewals.Add(renewal);
    }

    /// <summary>Sends all of them. The task never fails: what happened stands in the renewals.</summary>
    public async Task ExecuteAsync(TimeSpan? timeout, CancellationToken cancellation = default)
    {
        Exception? failure = null;
        try
        {
            await _batch.ExecuteAsync(timeout, cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            failure = fault;
        }

        for (int i = 0; i < _renewals.Count; i++)
            Read(i, failure);
    }

    public void Dispose() => _batch.Dispose();

    private void Read(int i, Exception? failure)
    {
        Renewal renewal = _renewals[i];
        if (failure is ObjectDisposedException or OperationCanceledException)
        {
            renewal.Fail(failure is OperationCanceledException ? failure : RedisFaults.Translate(failure, server));
            return;
        }

        RenewReply? renewed = null;
        Exception? error;
        try
        {
            RespReply reply = _batch[i];
            error = reply.Error;
            if (error is null)
                renewed = Renewed(reply.Reader, renewal.Request.LookUp);
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            // Whatever it was: who waits for this answer must get one, or it never renews again.
            error = failure ?? fault;
        }

        if (renewed is not null)
            renewal.Answer(renewed);
        else
            renewal.Fail(RedisFaults.Translate(error!, server));
    }

    private static RenewReply Renewed(RespReader reply, ImmutableArray<long> lookUp)
    {
        ReplyCursor cursor = new(reply);
        bool isAlive = cursor.Count32() == 1;
        (long nextExpiry, bool isUnfinished, long now, long clock) = (cursor.Number(), cursor.Count32() == 1, cursor.Number(), cursor.Number());
        long counted = cursor.Number();
        ReplyCursor reports = cursor.Nested();
        ImmutableArray<HandleReport>.Builder handles = ImmutableArray.CreateBuilder<HandleReport>(reports.Count);
        for (int i = 0; i < reports.Count; i++)
            handles.Add(Report(lookUp[i], reports.Bytes()));
        return new RenewReply(isAlive, handles.MoveToImmutable(), nextExpiry, isUnfinished, now, clock) { Counted = counted };
    }

    private static HandleReport Report(long number, ReadOnlySpan<byte> packed) => packed[0] == (byte)HandleStanding.Unknown
        ? new HandleReport(number, HandleStanding.Unknown, default, 0, 0, IsUpgrading: false, IsRevocationRequested: false)
        : new HandleReport(
            number, (HandleStanding)packed[0], (LockMode)packed[1], PackedRecords.Read7(packed[2..]), PackedRecords.Read7(packed[(2 + NumberBytes)..]),
            IsUpgrading: (packed[^1] & 1) != 0, IsRevocationRequested: (packed[^1] & 2) != 0);
}
