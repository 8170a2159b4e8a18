namespace Sluice.Locking;

/// <summary>A reader-writer lock.</summary>
internal sealed class EngineReaderWriterLock(LockTarget target) : IReaderWriterLock
{
    public string Name => target.Name;

    public async ValueTask<ReaderWriterLockHandle?> TryAcquireAsync(LockAccess access, TimeSpan timeout = default, CancellationToken cancellation = default)
    {
        LockMode mode = access switch
        {
            LockAccess.Read => LockMode.Shared,
            LockAccess.UpgradeableRead => LockMode.Upgradeable,
            LockAccess.Write => LockMode.Exclusive,
            _ => throw new ArgumentOutOfRangeException(nameof(access), access, "There is no such access."),
        };
        LockDeadline deadline = LockDeadline.After(target.Client.Clock, timeout);
        LockOwner? owner = target.Owner;
        return owner is not null
            ? await OwnedResource.AcquireAsync(owner, target.Client, target.WishOf(mode, owner), deadline, cancellation).ConfigureAwait(false)
            : await target.AcquireAsync(mode, owner, deadline, cancellation).ConfigureAwait(false);
    }

    public async ValueTask<ReaderWriterLockHandle> AcquireAsync(LockAccess access, TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        TimeSpan patience = timeout ?? target.DefaultTimeout;
        return await TryAcquireAsync(access, patience, cancellation).ConfigureAwait(false) ?? throw new LockTimeoutException(Name, patience);
    }

    public ValueTask<LockParticipants> GetParticipantsAsync(CancellationToken cancellation = default) => target.ParticipantsAsync(cancellation);

    public ValueTask<int> RequestRevocationAsync(CancellationToken cancellation = default) => target.RevokeAsync(cancellation);
}
