namespace Sluice.Coordination;

/// <summary>Requests with a time limit.</summary>
internal static class CoordinatorCalls
{
    /// <summary>
    /// Sends a request and waits at most <paramref name="timeout"/> for its reply. A reply that comes later is dropped, and so is a late error: the
    /// caller has learned that the outcome is unknown, and will ask again with the same number.
    /// </summary>
    /// <exception cref="TimeoutException">No reply in time: the outcome is unknown.</exception>
    public static async ValueTask<TReply> SendAsync<TReply>(
        this Coordinator coordinator, CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, TimeSpan timeout, TimeProvider time,
        CancellationToken cancellation)
    {
        ValueTask<TReply> sent = coordinator.SendAsync(space, partition, request, cancellation);
        if (sent.IsCompletedSuccessfully)
            return sent.Result;
        Task<TReply> reply = sent.AsTask();
        try
        {
            return await reply.WaitAsync(timeout, time, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException && !reply.IsCompleted)
        {
            // Nobody awaits the reply any more: its error, if it ends with one, must not surface as an unobserved one.
            _ = reply.ContinueWith(static late => _ = late.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            throw;
        }
    }
}
