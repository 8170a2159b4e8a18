using System.Collections.Immutable;
using Sluice.Aggregates;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>One lock of one kind, as an engine reaches it. Immutable.</summary>
internal sealed class LockTarget
{
    public const string MutexKind = "mutex";
    public const string SemaphoreKind = "semaphore";
    public const string ReaderWriterKind = "rw";
    public const string BarrierKind = "barrier";
    public const string LatchKind = "latch";
    public const string LeaderKind = "leader";

    private const int WaitersListed = 1000;

    private readonly ImmutableArray<LockClaim>[] _claims;
    private readonly LockPolicy _policy;
    private readonly long _maxHold;

    /// <exception cref="ArgumentException">The name is empty, too long, or has no faithful UTF-8 form.</exception>
    public LockTarget(LockClient client, string kind, string name, LockOptions options, TimeSpan defaultTimeout, int capacity = 1)
    {
        (Client, Kind, Name, Options, DefaultTimeout, Capacity) = (client, kind, name, options, options.AcquireTimeout ?? defaultTimeout, capacity);
        Resource = ResourceOf(kind, name);
        Partition = Resource.Partition(client.Space.Partitions);
        _claims = [.. Enum.GetValues<LockMode>().Select(mode => ImmutableArray.Create(new LockClaim(Resource, mode, capacity)))];
        _policy = PolicyOf(options.Fairness);
        _maxHold = Durations.Micros(options.MaxHold);
    }

    public LockClient Client { get; }

    public string Kind { get; }

    public string Name { get; }

    public LockOptions Options { get; }

    public TimeSpan DefaultTimeout { get; }

    public int Capacity { get; }

    public ResourceKey Resource { get; }

    public int Partition { get; }

    public LockOwner? Owner => Options.Owner ?? (Options.UseFlowingOwner ? LockOwner.Flowing : null);

    /// <summary>Names of kinds are apart: no claim ever meets one of another kind.</summary>
    public static ResourceKey ResourceOf(string kind, string name)
    {
        Span<byte> bytes = stackalloc byte[16 + KeyCodec.MaxBytes];
        int length = System.Text.Encoding.ASCII.GetBytes(kind, bytes);
        bytes[length++] = (byte)':';
        length += KeyCodec.String.Encode(name, bytes[length..]);
        return new ResourceKey(bytes[..length]);
    }

    public static LockPolicy PolicyOf(LockFairness fairness) => fairness switch
    {
        LockFairness.FirstInFirstOut => LockPolicy.FirstInFirstOut,
        LockFairness.Overtaking => LockPolicy.Overtaking,
        _ => LockPolicy.WritersFirst,
    };

    /// <summary>Takes it, if it is a mutex that nobody else wants and there is a short way.</summary>
    public HeldLock? TryTake() =>
        _maxHold == Durations.Never && Options is { Owner: null, UseFlowingOwner: false } ? Client.TryTake(Partition, Resource, _policy) : null;

    public ValueTask<HeldLock?> AcquireAsync(LockMode mode, LockOwner? owner, LockDeadline deadline, CancellationToken cancellation) =>
        Client.AcquireAsync(WishOf(mode, owner), deadline, cancellation);

    public LockWish WishOf(LockMode mode, LockOwner? owner) => new(Partition, _claims[(int)mode], _policy, _maxHold, owner?.Name ?? "");

    public async ValueTask<LockParticipants> ParticipantsAsync(CancellationToken cancellation)
    {
        ParticipantsReply reply = await Client.SendAsync(Partition, new ParticipantsRequest(Resource, WaitersListed), cancellation).ConfigureAwait(false);
        return new LockParticipants(
            [.. reply.Holders.Select(entry => Participant(entry, reply.Now))], [.. reply.Waiters.Select(entry => Participant(entry, reply.Now))], reply.Waiting);
    }

    public async ValueTask<int> RevokeAsync(CancellationToken cancellation) =>
        (await Client.SendAsync(Partition, new RevokeRequest(Resource), cancellation).ConfigureAwait(false)).Asked;

    private LockParticipant Participant(ParticipantEntry entry, long now) => new(
        entry.Description,
        LockEngineId.Of(entry.Handle.Session) == Client.Engine,
        entry.Owner.Length == 0 ? null : entry.Owner,
        entry.Mode switch
        {
            LockMode.Shared => LockAccess.Read,
            LockMode.Upgradeable => LockAccess.UpgradeableRead,
            _ => LockAccess.Write,
        },
        entry.Token,
        TimeSpan.FromMicroseconds(Math.Max(0, now - entry.Since)),
        entry.IsRevocationRequested);
}
