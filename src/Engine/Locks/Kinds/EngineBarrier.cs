namespace Sluice.Locking;

/// <summary>A barrier: handles that are granted when enough of them wait.</summary>
internal sealed class EngineBarrier(LockTarget target) : IBarrier
{
    public string Name => target.Name;

    public int Participants => target.Capacity;

    public ValueTask<bool> SignalAndWaitAsync(TimeSpan timeout, CancellationToken cancellation = default) =>
        target.Client.MeetAsync(target.WishOf(LockMode.Rendezvous, owner: null), LockDeadline.After(target.Client.Clock, timeout), cancellation);
}
