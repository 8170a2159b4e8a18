namespace Sluice.LockWorker;

/// <summary>What a busy service does to itself.</summary>
internal static class Strain
{
    /// <summary>Fills the thread pool, until then, with work that blocks, as synchronous calls over asynchronous ones do; more of it than threads are added meanwhile.</summary>
    public static void Starve(TimeSpan span)
    {
        long until = Environment.TickCount64 + (long)span.TotalMilliseconds;
        for (int i = 0; i < 256; i++)
            ThreadPool.UnsafeQueueUserWorkItem(static until => Thread.Sleep((int)Math.Max(0, until - Environment.TickCount64)), until, preferLocal: false);
    }

    /// <summary>A compacting collection of a heap that is full of small objects which refer to each other: every thread stands still meanwhile.</summary>
    public static void Collect()
    {
        List<object> roots = [];
        for (int i = 0; i < 64; i++)
        {
            object? chain = null;
            for (int j = 0; j < 50_000; j++)
                chain = new Tuple<object?, byte[]>(chain, new byte[16]);
            roots.Add(chain!);
        }

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
        GC.KeepAlive(roots);
    }
}
