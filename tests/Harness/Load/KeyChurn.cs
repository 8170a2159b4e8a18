namespace Sluice.Harness.Load;

/// <summary>Threads walk through many keys of a <see cref="NameRegistry{TKey, T}"/>, meeting each other at some of them; at the end nothing may be left.</summary>
/// <param name="Threads">How many threads.</param>
/// <param name="Keys">How many different keys, all threads together.</param>
/// <param name="Seed">Of the order of the meetings.</param>
public sealed record KeyChurn(int Threads, int Keys, int Seed)
{
    /// <summary>Walks and counts.</summary>
    public KeyChurnResult Run()
    {
        NameRegistry<long, Named> registry = new(static key => new Named(key));
        long wrong = 0, mostAtOnce = 0;
        long before = GC.GetTotalMemory(forceFullCollection: true);
        Thread[] workers = [.. Enumerable.Range(0, Threads).Select(worker => new Thread(() =>
        {
            SplitMix64 random = new((ulong)(Seed + worker));
            for (long i = worker; i < Keys; i += Threads)
            {
                // The own key, and one near it that another thread is about to use or has just used.
                using NameLease<Named> own = registry.Get(i);
                using NameLease<Named> near = registry.Get(Math.Max(0, i - random.Next(2 * Threads)));
                using NameLease<Named> again = registry.Get(i);
                if (own.Value.Key != i || !ReferenceEquals(own.Value, again.Value))
                    Interlocked.Increment(ref wrong);
                if ((i & 1023) == worker)
                    mostAtOnce = Math.Max(mostAtOnce, registry.Count); // a figure for the record; a lost update does no harm
            }
        }))];
        foreach (Thread worker in workers)
            worker.Start();
        foreach (Thread worker in workers)
            worker.Join();
        long held = GC.GetTotalMemory(forceFullCollection: true) - before;
        GC.KeepAlive(registry);
        return new KeyChurnResult(Keys, registry.Count, wrong, mostAtOnce, held, registry.Count == 0 && wrong == 0 && mostAtOnce <= 3 * Threads);
    }

    private sealed record Named(long Key);
}

/// <summary>What a walk through many keys has shown.</summary>
/// <param name="Keys">Different keys.</param>
/// <param name="Left">Keys that the registry still knew afterwards.</param>
/// <param name="Wrong">Times that a user did not have the one object of its key.</param>
/// <param name="MostAtOnce">The most keys that were seen in use at once.</param>
/// <param name="HeldBytes">Managed memory of the process afterwards over that before: the registry's, if nothing else runs in it.</param>
/// <param name="IsClean">Nothing was left, nothing was wrong, and no more keys were known than were in use.</param>
public sealed record KeyChurnResult(long Keys, int Left, long Wrong, long MostAtOnce, long HeldBytes, bool IsClean);
