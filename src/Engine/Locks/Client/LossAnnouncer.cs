using Microsoft.Extensions.Logging;
using Sluice.Diagnostics;

namespace Sluice.Locking;

/// <summary>
/// Tells the application that locks are lost: on a thread of its own for each occasion. The pool may be busy with the very work that should stop; and the
/// thread that renews must not wait for callbacks.
/// </summary>
internal static class LossAnnouncer
{
    public static void Announce(IReadOnlyList<HeldLock> lost, ILogger logger)
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
                catch (AggregateException threw)
                {
                    // The others are told all the same.
                    logger.LostCallbackThrew(threw);
                }
            }
        })
        {
            IsBackground = true,
            Name = "Sluice: lost locks",
        }.Start();
    }
}
