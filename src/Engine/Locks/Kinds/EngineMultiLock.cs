using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>
/// Several mutexes: one request for those of a partition, partition after partition in ascending order. Within a partition all are granted together, and nobody
/// waits in a partition for what it holds in a higher one: so two of these never wait for each other.
/// </summary>
internal sealed class EngineMultiLock : IMultiLock
{
    private readonly LockClient _client;
    private readonly LockOptions _options;
    private readonly TimeSpan _defaultTimeout;
    private readonly ImmutableArray<(LockWish Wish, ImmutableArray<string> Names)> _parts;

    public EngineMultiLock(LockClient client, IEnumerable<string> names, LockOptions options, TimeSpan defaultTimeout)
    {
        (_client, _options, _defaultTimeout) = (client, options, options.AcquireTimeout ?? defaultTimeout);
        Names = [.. names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (Names.Length is 0 or > 256)
            throw new ArgumentException($"There must be 1 to 256 different names; these are {Names.Length}.", nameof(names));
        _parts =
        [
            .. Names
                .Select(static name => (name, resource: LockTarget.ResourceOf(LockTarget.MutexKind, name)))
                .GroupBy(entry => entry.resource.Partition(client.Space.Partitions))
                .OrderBy(static part => part.Key)
                .Select(part => (
                    new LockWish(
                        part.Key, [.. part.Select(static entry => new LockClaim(entry.resource, LockMode.Exclusive))], LockTarget.PolicyOf(options.Fairness),
                        Durations.Micros(options.MaxHold), ""),
                    part.Select(static entry => entry.name).ToImmutableArray())),
        ];
    }

    public ImmutableArray<string> Names { get; }

    public async ValueTask<MultiLockHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellation = default)
    {
        LockDeadline deadline = LockDeadline.After(_client.Clock, timeout);
        string owner = (_options.Owner ?? (_options.UseFlowingOwner ? LockOwner.Flowing : null))?.Name ?? "";
        List<HeldLock> held = [];
        bool isComplete = false;
        try
        {
            foreach ((LockWish wish, _) in _parts)
            {
                if (await _client.AcquireAsync(wish with { Owner = owner }, deadline, cancellation).ConfigureAwait(false) is not { } part)
                    return null;
                held.Add(part);
            }

            isComplete = true;
            return new Handle([.. held.Zip(_parts, static (part, wished) => (part, wished.Names))]);
        }
        finally
        {
            if (!isComplete)
                await _client.GiveBackAsync(held).ConfigureAwait(false);
        }
    }

    public async ValueTask<MultiLockHandle> AcquireAsync(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        TimeSpan patience = timeout ?? _defaultTimeout;
        return await TryAcquireAsync(patience, cancellation).ConfigureAwait(false) ?? throw new LockTimeoutException(string.Join("', '", Names), patience);
    }

    private sealed class Handle(ImmutableArray<(HeldLock Held, ImmutableArray<string> Names)> parts) : MultiLockHandle
    {
        private readonly Lock _gate = new();
        private CancellationTokenSource? _lost;
        private CancellationTokenSource? _revoked;

        public override long FencingToken => parts.Max(static part => part.Held.FencingToken);

        public override CancellationToken LostToken => Linked(ref _lost, static part => part.LostToken);

        public override CancellationToken RevocationToken => Linked(ref _revoked, static part => part.RevocationToken);

        public override LockHandleState State
        {
            get
            {
                // Released and lost alike are of all parts; the worst of the others counts.
                LockHandleState worst = LockHandleState.Held;
                foreach ((HeldLock held, _) in parts)
                {
                    LockHandleState state = held.State;
                    if (state > worst)
                        worst = state;
                }

                return worst;
            }
        }

        public override TimeSpan Remaining
        {
            get
            {
                if (!IsHeld)
                    return TimeSpan.Zero;
                TimeSpan[] finite = [.. parts.Select(static part => part.Held.Remaining).Where(static span => span != Timeout.InfiniteTimeSpan)];
                return finite.Length == 0 ? Timeout.InfiniteTimeSpan : finite.Min();
            }
        }

        public override long FencingTokenOf(string name)
        {
            foreach ((HeldLock held, ImmutableArray<string> names) in parts)
            {
                if (names.Contains(name, StringComparer.Ordinal))
                    return held.FencingToken;
            }

            throw new ArgumentException($"'{name}' is none of the locks of this handle.", nameof(name));
        }

        public override async ValueTask<ReleaseOutcome> ReleaseAsync(CancellationToken cancellation = default)
        {
            ReleaseOutcome[] outcomes = await Task.WhenAll(parts.Select(part => part.Held.ReleaseAsync(cancellation).AsTask())).ConfigureAwait(false);
            return outcomes.Max();
        }

        private CancellationToken Linked(ref CancellationTokenSource? source, Func<HeldLock, CancellationToken> of)
        {
            // Not disposed: the links are between this handle and its parts, and end with them.
            lock (_gate)
                return (source ??= CancellationTokenSource.CreateLinkedTokenSource([.. parts.Select(part => of(part.Held))])).Token;
        }
    }
}
