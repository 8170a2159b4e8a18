using Sluice.Completing;
using Sluice.Flushing;

namespace Sluice.Referencing;

/// <summary>Waits for the answer to a release, and learns by it whether the release was the last.</summary>
/// <param name="partition">Where the resource is.</param>
/// <param name="handler">The callback that the release brought along; null = the registered one.</param>
/// <remarks>The lane's loop writes before the wait is over; who waited reads afterwards.</remarks>
internal sealed class ReleaseWaiter(int partition, ICompletionHandler? handler) : FlushWaiter
{
    public int Partition => partition;

    public ICompletionHandler? Handler => handler;

    /// <summary>The reference had been taken back, or may have been, before the coordinator had the release.</summary>
    public bool IsLost { get; set; }

    /// <summary>Nobody holds the resource any more, because of this release.</summary>
    public bool IsLast { get; private set; }

    /// <summary>The callback, if the claim came along.</summary>
    public Task<WorkOutcome>? Callback { get; private set; }

    /// <summary>The release was the last; without a callback, its turn comes after the one of the generation before.</summary>
    public void OnLast(Task<WorkOutcome>? callback)
    {
        IsLast = true;
        Callback = callback;
    }
}
