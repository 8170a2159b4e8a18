namespace Sluice.Locking;

/// <summary>
/// Tells the application that locks are lost: on a thread of its own for each occasion. The pool may be busy with the very work that should stop; and the
/// thread that renews must not wait for callbacks.
/// </summary>
internal static class LossAnnouncer
{
    public static void Announce(IReadOnlyList<HeldLock> lost)
    {
        if (!lost.Any(static handle => handle.HasListeners))
            return;
        new Thread(() =>
        {
            foreach (HeldLock handle in lost)
            {
                try
                {
                    handle.AnnounceLoss();
                }
                catch (AggregateException)
                {
                    // A callback of the application threw. The others are told all the same.
                }
            }
        })
        {
            IsBackground = true,
            Name = "Sluice: lost locks",
        }.Start();
    }
}
