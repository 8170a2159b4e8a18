namespace Sluice.Flushing;

/// <summary>
/// Where producers wait for room in the lanes. A producer takes <see cref="Next"/> <em>before</em> it tries, so that room that is made between the
/// try and the wait is not missed. Any thread.
/// </summary>
internal sealed class Room
{
    private TaskCompletionSource? _next;

    /// <summary>Completes at the next <see cref="Pulse"/>.</summary>
    public Task Next
    {
        get
        {
            if (Volatile.Read(ref _next) is { } next)
                return next.Task;
            TaskCompletionSource made = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return (Interlocked.CompareExchange(ref _next, made, null) ?? made).Task;
        }
    }

    /// <summary>Room was made: everybody who waits tries again. Free when nobody waits.</summary>
    public void Pulse()
    {
        if (Volatile.Read(ref _next) is not null)
            Interlocked.Exchange(ref _next, null)?.TrySetResult();
    }
}
