namespace Sluice.Locking;

/// <summary>A barrier: handles that are granted when enough of them wait.</summary>
internal sealed class EngineBarrier(LockTarget target) : IBarrier
{
    public string Name => target.Name;

    public int Participants => target.Capacity;

    public async ValueTask<bool> SignalAndWaitAsync(TimeSpan timeout, CancellationToken cancellation = default)
    {
        HeldLock? met = await target.AcquireAsync(LockMode.Rendezvous, owner: null, LockDeadline.After(target.Client.Clock, timeout), cancellation).ConfigureAwait(false);
        if (met is null)
            return false;

        // What was granted is the news itself; nobody needs to hold it.
        await met.ReleaseAsync(CancellationToken.None).ConfigureAwait(false);
        return true;
    }
}
