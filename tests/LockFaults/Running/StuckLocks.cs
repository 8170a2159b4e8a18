using System.Globalization;

namespace Sluice.LockFaults;

/// <summary>
/// Locks that nobody can have any more although everybody has let go. A round hardly shows one: its callers wait, give up, and go on with the others.
/// </summary>
internal static class StuckLocks
{
    /// <summary>Takes everything that a round was about, of semaphores all permits, and gives it back.</summary>
    /// <param name="locks">Of an engine that had no part in the round.</param>
    /// <param name="names">The round's locks; how a name ends says what kind it is.</param>
    /// <param name="patience">How long each is waited for.</param>
    /// <param name="cancellation">Stops.</param>
    /// <returns>Of each that can't be had, its name and who has it; empty: all can.</returns>
    public static async Task<IReadOnlyList<string>> FindAsync(ILockService locks, IEnumerable<string> names, TimeSpan patience, CancellationToken cancellation)
    {
        List<string> stuck = [];
        foreach (string name in names)
        {
            if (RoundHistory.IsSemaphore(name))
            {
                IMutex semaphore = locks.Semaphore(name, RoundHistory.Permits);
                await TakeAsync(name, RoundHistory.Permits, () => semaphore.TryAcquireAsync(patience, cancellation), () => semaphore.GetParticipantsAsync(cancellation)).ConfigureAwait(false);
            }
            else if (name.EndsWith("paths", StringComparison.Ordinal))
            {
                IReaderWriterLock paths = locks.ReaderWriterLock(name);
                await TakeAsync(
                    name, 1, async () => await paths.TryAcquireAsync(LockAccess.Write, patience, cancellation).ConfigureAwait(false), () => paths.GetParticipantsAsync(cancellation)).ConfigureAwait(false);
            }
            else
            {
                IMutex mutex = locks.Mutex(name);
                await TakeAsync(name, 1, () => mutex.TryAcquireAsync(patience, cancellation), () => mutex.GetParticipantsAsync(cancellation)).ConfigureAwait(false);
            }
        }

        return stuck;

        async Task TakeAsync(string name, int times, Func<ValueTask<LockHandle?>> acquire, Func<ValueTask<LockParticipants>> look)
        {
            List<LockHandle> held = [];
            while (held.Count < times && await acquire().ConfigureAwait(false) is { } handle)
                held.Add(handle);
            if (held.Count < times)
                stuck.Add(Text(name, await look().ConfigureAwait(false)));
            foreach (LockHandle handle in held)
                await handle.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static string Text(string name, LockParticipants who)
    {
        IEnumerable<string> holders = who.Holders
            .Where(static holder => !holder.IsThisEngine)
            .Select(static holder => string.Create(CultureInfo.InvariantCulture, $"{holder.Process} ({holder.Access}, token {holder.FencingToken}, for {holder.Age.TotalSeconds:0.0} s)"));
        return string.Create(CultureInfo.InvariantCulture, $"{name} can't be had although everybody has let go. Held by: {string.Join(", ", holders.DefaultIfEmpty("nobody"))}; {who.Waiting} wait.");
    }
}
