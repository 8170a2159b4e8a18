using Sluice.Coordination;

namespace Sluice.Samples.Tests;

/// <summary>A coordinator that can be made to keep batches waiting at its door: a server that is slow at the worst moment.</summary>
internal sealed class Doorway(Coordinator inner) : Coordinator
{
    private readonly TaskCompletionSource _memberWaits = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isClosed;

    /// <summary>Completes when the batch of an engine that is a member waits: it can be fenced with something on its way.</summary>
    public Task MemberWaits => _memberWaits.Task;

    internal override bool IsEphemeral => inner.IsEphemeral;

    public void Close() => _isClosed = true;

    /// <summary>For good.</summary>
    public void Open()
    {
        _isClosed = false;
        _opened.TrySetResult();
    }

    internal override async ValueTask<TReply> SendAsync<TReply>(
        CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation)
    {
        if (_isClosed && request is FlushRequest batch)
        {
            if (batch.Number > 1)
                _memberWaits.TrySetResult();
            await _opened.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }

        return await inner.SendAsync(space, partition, request, cancellation).ConfigureAwait(false);
    }
}
