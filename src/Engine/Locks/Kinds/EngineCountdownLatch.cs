using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>A latch: signals that outlive their senders, and handles that are granted when there are enough of them.</summary>
internal sealed class EngineCountdownLatch(LockTarget target) : ICountdownLatch
{
    public string Name => target.Name;

    public int Count => target.Capacity;

    public ValueTask SignalAsync(CancellationToken cancellation = default) =>
        target.Client.SignalAsync(target.WishOf(LockMode.Signal, owner: null), LockDeadline.After(target.Client.Clock, target.DefaultTimeout), cancellation);

    public ValueTask<bool> WaitAsync(TimeSpan timeout, CancellationToken cancellation = default) =>
        target.Client.MeetAsync(target.WishOf(LockMode.Await, owner: null), LockDeadline.After(target.Client.Clock, timeout), cancellation);

    public async ValueTask<int> GetRemainingAsync(CancellationToken cancellation = default)
    {
        ParticipantsReply reply = await target.Client.SendAsync(target.Partition, new ParticipantsRequest(target.Resource, 0), cancellation).ConfigureAwait(false);
        return Math.Max(0, Count - reply.Holders.Count(static holder => holder.Mode == LockMode.Signal));
    }

    public async ValueTask ResetAsync(CancellationToken cancellation = default) =>
        await target.Client.SendAsync(target.Partition, new ForgetRequest(target.Resource), cancellation).ConfigureAwait(false);
}
