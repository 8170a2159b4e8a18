using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>
/// Waits until replicas have what one connection wrote. One WAIT closes a group: those who come while one is on its way wait for the next, together.
/// </summary>
/// <remarks>
/// A WAIT answers for everything that its connection wrote before it, so it must be sent after the last script of the group was answered, and on the same connection. Thread-safe.
/// </remarks>
internal sealed class ReplicaBarrier(RespClient client, int replicas, TimeSpan timeout)
{
    private readonly Lock _gate = new();
    private Task _running = Task.CompletedTask;
    private TaskCompletionSource? _next;

    /// <summary>Returns when the replicas have what the connection wrote before this call.</summary>
    /// <exception cref="CoordinatorException">Too few have it in time: the outcome is unknown, and asking again waits again.</exception>
    public Task PassAsync(byte[] key)
    {
        lock (_gate)
        {
            if (_next is not null)
                return _next.Task;
            if (_running.IsCompleted)
            {
                _running = WaitAsync(key);
                return _running;
            }

            TaskCompletionSource next = _next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _ = AfterAsync(_running, key, next);
            return next.Task;
        }
    }

    private async Task AfterAsync(Task running, byte[] key, TaskCompletionSource next)
    {
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Task wait;
        lock (_gate)
        {
            _next = null;
            wait = _running = WaitAsync(key);
        }

        await wait.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (wait.Exception?.InnerException is { } fault)
            next.SetException(fault);
        else
            next.SetResult();
    }

    private async Task WaitAsync(byte[] key)
    {
        long found = await client.WaitForReplicasAsync(key, replicas, timeout).ConfigureAwait(false);
        if (found < replicas)
        {
            throw new CoordinatorException(
                RequestOutcome.Unknown, $"{client.Options.Endpoint}: {found} of {replicas} replicas had the write within {timeout} ({nameof(RedisOptions)}.{nameof(RedisOptions.WaitReplicas)}).");
        }
    }
}
