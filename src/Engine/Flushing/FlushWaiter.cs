namespace Sluice.Flushing;

/// <summary>
/// Counts flush items that somebody waits for. The maker holds one count of its own while it adds items, so that the task can't complete early.
/// </summary>
internal class FlushWaiter
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _pending = 1;

    /// <summary>Completes when every item was acknowledged and <see cref="Release"/> was called once by the maker.</summary>
    public Task Task => _done.Task;

    /// <summary>Adds one item. Call before the item is handed over.</summary>
    public void Add() => Interlocked.Increment(ref _pending);

    /// <summary>One item was acknowledged, or was not handed over after all, or the maker has added all it wants.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _pending) == 0)
            _done.TrySetResult();
    }

    /// <summary>The items will never be acknowledged.</summary>
    public void Fail(Exception reason)
    {
        _done.TrySetException(reason);

        // Whoever waited may have given up meanwhile: then nobody looks at the error, which is no fault.
        _ = _done.Task.Exception;
    }
}
