namespace Sluice.Locking;

/// <summary>A mutex whose holder leads.</summary>
internal sealed class EngineLeaderElection(LockTarget target) : ILeaderElection
{
    private LockHandle? _leading;

    public string Name => target.Name;

    public bool IsLeader => Volatile.Read(ref _leading) is { IsHeld: true };

    public async Task RunAsync(Func<LockHandle, CancellationToken, Task> lead, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(lead);
        while (true)
        {
            LockDeadline patience = LockDeadline.After(target.Client.Clock, Timeout.InfiniteTimeSpan);
            HeldLock handle = (await target.AcquireAsync(LockMode.Exclusive, target.Owner, patience, cancellation).ConfigureAwait(false))!;
            Volatile.Write(ref _leading, handle);
            try
            {
                using CancellationTokenSource term = CancellationTokenSource.CreateLinkedTokenSource(cancellation, handle.LostToken);
                await lead(handle, term.Token).ConfigureAwait(false);
                if (handle.State != LockHandleState.Lost)
                    return;
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested && handle.State == LockHandleState.Lost)
            {
                // The term is over, the campaign is not.
            }
            finally
            {
                Interlocked.CompareExchange(ref _leading, null, handle);
                await handle.ReleaseAsync(CancellationToken.None).ConfigureAwait(false);
            }

            cancellation.ThrowIfCancellationRequested();
        }
    }

    public ValueTask<LockParticipants> GetParticipantsAsync(CancellationToken cancellation = default) => target.ParticipantsAsync(cancellation);
}
