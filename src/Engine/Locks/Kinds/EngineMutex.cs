using System.Runtime.CompilerServices;
namespace Sluice.Locking;

/// <summary>A mutex, or a semaphore: the mode tells.</summary>
internal sealed class EngineMutex(LockTarget target, LockMode mode) : IMutex
{
    // Each acquisition of a semaphore is a lease of its own; only what is exclusive can be shared by its owner.
    private readonly bool _isReentrant = mode == LockMode.Exclusive;

    public string Name => target.Name;

    public ValueTask<LockHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellation = default)
    {
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled<LockHandle?>(cancellation);
        if (_isReentrant && target.TryTake() is { } taken)
            return new ValueTask<LockHandle?>(taken);
        return AcquireCoreAsync(LockDeadline.After(target.Client.Clock, timeout), cancellation);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<LockHandle> AcquireAsync(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        if (_isReentrant && target.TryTake() is { } taken)
            return taken;
        TimeSpan patience = timeout ?? target.DefaultTimeout;
        LockDeadline deadline = LockDeadline.After(target.Client.Clock, patience);
        LockOwner? owner = target.Owner;
        LockHandle? held = owner is not null && _isReentrant
            ? await OwnedResource.AcquireAsync(owner, target.Client, target.WishOf(mode, owner), deadline, cancellation).ConfigureAwait(false)
            : await target.AcquireAsync(mode, owner, deadline, cancellation).ConfigureAwait(false);
        return held ?? throw new LockTimeoutException(Name, patience);
    }

    public LockHandle? TryAcquire()
    {
        if (!target.Client.Coordinator.AnswersAtOnce)
        {
            throw new NotSupportedException(
                $"Asking for '{Name}' means asking a server, and a synchronous call would block a thread meanwhile: use {nameof(TryAcquireAsync)}.");
        }

        // Every step of an acquisition that doesn't wait completes at once when the coordinator answers at once; another caller's opening of the session
        // may be what it meets.
        ValueTask<LockHandle?> acquired = TryAcquireAsync();
        return acquired.IsCompletedSuccessfully ? acquired.Result : acquired.AsTask().GetAwaiter().GetResult();
    }

    public ValueTask<LockParticipants> GetParticipantsAsync(CancellationToken cancellation = default) => target.ParticipantsAsync(cancellation);

    public ValueTask<int> RequestRevocationAsync(CancellationToken cancellation = default) => target.RevokeAsync(cancellation);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<LockHandle?> AcquireCoreAsync(LockDeadline deadline, CancellationToken cancellation)
    {
        LockOwner? owner = target.Owner;
        return owner is not null && _isReentrant
            ? await OwnedResource.AcquireAsync(owner, target.Client, target.WishOf(mode, owner), deadline, cancellation).ConfigureAwait(false)
            : await target.AcquireAsync(mode, owner, deadline, cancellation).ConfigureAwait(false);
    }
}
