using System.Runtime.CompilerServices;
namespace Sluice.Coordination;

/// <summary>Requests with a time limit.</summary>
internal static class CoordinatorCalls
{
    /// <summary>
    /// Sends a request and waits at most <paramref name="timeout"/> for its reply. A reply that comes later is dropped, and so is a late error: the
    /// caller has learned that the outcome is unknown, and will ask again with the same number.
    /// </summary>
    /// <exception cref="CoordinatorException">The coordinator could not answer, or not in time: then the outcome is unknown.</exception>
    public static async ValueTask<TReply> SendAsync<TReply>(
        this Coordinator coordinator, CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, TimeSpan timeout, TimeProvider time,
        CancellationToken cancellation)
    {
        ValueTask<TReply> sent = coordinator.SendAsync(space, partition, request, cancellation);
        if (sent.IsCompletedSuccessfully)
            return sent.Result;
        Task<TReply> reply = sent.AsTask();
        if (await reply.IsAnsweredAsync(timeout, time, cancellation).ConfigureAwait(false))
            return await reply.ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        throw new CoordinatorException(
            RequestOutcome.Unknown, $"Partition {partition} of '{space}' did not answer within {timeout} ({nameof(EngineOptions.RequestTimeout)}).");
    }

    /// <summary>Waits for a reply, or an error instead of one. False when there was none in time: then nobody needs to look at it any more.</summary>
    /// <remarks>Whether there is a reply is asked once, after the wait: one that comes together with the time-out is as good as any other.</remarks>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public static async ValueTask<bool> IsAnsweredAsync(this Task reply, TimeSpan timeout, TimeProvider time, CancellationToken cancellation)
    {
        await reply.WaitAsync(timeout, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (reply.IsCompleted)
            return true;
        Forget(reply);
        return false;
    }

    /// <summary>Nobody awaits the reply any more: its error, if it ends with one, must not surface as an unobserved one.</summary>
    private static void Forget(Task reply) => _ = reply.ContinueWith(
        static late => _ = late.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
