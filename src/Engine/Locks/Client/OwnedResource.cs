using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>
/// What one owner has of one resource: one hold, and as many handles as it acquired. The last of them releases the hold.
/// </summary>
internal sealed class OwnedResource(LockOwner owner, LockClient client, ResourceKey resource)
{
    // An owner that acquires twice at the same time must not wait for itself: the second waits for the first one's answer, and shares it.
    private readonly SemaphoreSlim _acquiring = new(1, 1);
    private HeldLock? _held;
    private int _handles;

    public LockClient Client => client;

    public ResourceKey Resource => resource;

    /// <summary>Guarded by the owner.</summary>
    public int Users { get; set; }

    public static async ValueTask<ReaderWriterLockHandle?> AcquireAsync(
        LockOwner owner, LockClient client, LockWish wish, LockDeadline deadline, CancellationToken cancellation)
    {
        OwnedResource owned = owner.Enter(client, wish.Claims[0].Resource);
        ReaderWriterLockHandle? handle = null;
        try
        {
            handle = await owned.AcquireAsync(wish, deadline, cancellation).ConfigureAwait(false);
            return handle;
        }
        finally
        {
            if (handle is null)
                owner.Leave(owned);
        }
    }

    private async ValueTask<ReaderWriterLockHandle?> AcquireAsync(LockWish wish, LockDeadline deadline, CancellationToken cancellation)
    {
        if (!await deadline.TryEnterAsync(_acquiring, cancellation).ConfigureAwait(false))
            return null;
        try
        {
            lock (_acquiring)
            {
                if (_held is { IsHeld: true } held)
                    return Share(held, wish.Claims[0].Mode);
            }

            HeldLock? acquired = await client.AcquireAsync(wish, deadline, cancellation).ConfigureAwait(false);
            if (acquired is null)
                return null;
            lock (_acquiring)
            {
                (_held, _handles) = (acquired, 1);
                return new OwnedHandle(this, acquired);
            }
        }
        finally
        {
            _acquiring.Release();
        }
    }

    private OwnedHandle Share(HeldLock held, LockMode wanted)
    {
        bool covers = held.Mode == LockMode.Exclusive || held.Mode == wanted || (held.Mode == LockMode.Upgradeable && wanted == LockMode.Shared);
        if (!covers)
        {
            throw new InvalidOperationException(
                $"'{owner}' reads '{resource}' and wants to write it too: it would wait for itself. Acquire an upgradeable reader, and upgrade that.");
        }

        _handles++;
        return new OwnedHandle(this, held);
    }

    /// <summary>What the other handles of the hold rely on is not taken from them.</summary>
    private async ValueTask DowngradeAsync(HeldLock held, LockAccess access, CancellationToken cancellation)
    {
        // Nobody begins to share the hold as a writer while it ceases to be one.
        await _acquiring.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            lock (_acquiring)
            {
                if (ReferenceEquals(_held, held) && _handles > 1 && access != held.Access)
                {
                    throw new InvalidOperationException(
                        $"'{owner}' has '{resource}' {_handles} times, and the others may count on what it is: release them first.");
                }
            }

            await held.DowngradeAsync(access, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _acquiring.Release();
        }
    }

    private ValueTask<ReleaseOutcome> ReleaseAsync(HeldLock held, CancellationToken cancellation)
    {
        bool isLast = true;
        lock (_acquiring)
        {
            // A hold that was lost and replaced is not this one's.
            if (ReferenceEquals(_held, held))
            {
                isLast = --_handles == 0;
                if (isLast)
                    _held = null;
            }
        }

        owner.Leave(this);
        return isLast ? held.ReleaseAsync(cancellation) : new ValueTask<ReleaseOutcome>(held.IsHeld ? ReleaseOutcome.Released : ReleaseOutcome.AlreadyLost);
    }

    /// <summary>One of several handles on a hold.</summary>
    private sealed class OwnedHandle(OwnedResource owned, HeldLock held) : ReaderWriterLockHandle
    {
        private readonly Lock _releasing = new();
        private int _isReleased;
        private Task<ReleaseOutcome>? _release;

        public override long FencingToken => held.FencingToken;

        public override CancellationToken LostToken => held.LostToken;

        public override CancellationToken RevocationToken => held.RevocationToken;

        public override LockHandleState State => Volatile.Read(ref _isReleased) != 0 ? LockHandleState.Released : held.State;

        public override TimeSpan Remaining => IsHeld ? held.Remaining : TimeSpan.Zero;

        public override LockAccess Access => held.Access;

        public override ValueTask<bool> TryUpgradeAsync(TimeSpan timeout, CancellationToken cancellation = default)
        {
            ThrowIfReleased();
            return held.TryUpgradeAsync(timeout, cancellation);
        }

        public override ValueTask DowngradeAsync(LockAccess access, CancellationToken cancellation = default)
        {
            ThrowIfReleased();
            return owned.DowngradeAsync(held, access, cancellation);
        }

        public override async ValueTask<ReleaseOutcome> ReleaseAsync(CancellationToken cancellation = default)
        {
            Task<ReleaseOutcome> release;
            lock (_releasing)
            {
                Volatile.Write(ref _isReleased, 1);
                release = _release ??= owned.ReleaseAsync(held, cancellation).AsTask();
            }

            return await release.WaitAsync(cancellation).ConfigureAwait(false);
        }

        private void ThrowIfReleased()
        {
            if (Volatile.Read(ref _isReleased) != 0)
                throw new InvalidOperationException($"This handle on '{owned.Resource}' was released; what others hold there is not its to change.");
        }
    }
}
