using System.Collections.Concurrent;

namespace Sluice.Resp.Connection;

/// <summary>
/// Threads for continuations when the thread pool does not serve them: started when they are needed, kept for some seconds, given up afterwards.
/// </summary>
/// <remarks>
/// Bounded: a program that blocks more threads than this waits, as it would with the pool. Any thread may call.
/// </remarks>
internal static class LentThreads
{
    private const int Most = 256;
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(2);

    private static readonly ConcurrentQueue<ReplyDispatcher> Requests = new();
    private static readonly SemaphoreSlim Work = new(0);
    private static int threads;
    private static int idle;

    /// <summary>Runs the dispatcher on a thread that is not the pool's.</summary>
    public static void Run(ReplyDispatcher dispatcher)
    {
        Requests.Enqueue(dispatcher);
        Work.Release();
        if (Volatile.Read(ref idle) >= Requests.Count)
            return;
        if (Interlocked.Increment(ref threads) > Most)
        {
            Interlocked.Decrement(ref threads);
            return;
        }

        try
        {
            new Thread(Serve, maxStackSize: 0) { IsBackground = true, Name = "Sluice.Resp continuations" }.UnsafeStart();
        }
        catch (OutOfMemoryException)
        {
            // The system gives no more threads: the request stays for those that there are, and the clock asks again.
            Interlocked.Decrement(ref threads);
        }
    }

    private static void Serve()
    {
        while (true)
        {
            Interlocked.Increment(ref idle);
            bool work = Work.Wait(KeptFor);
            Interlocked.Decrement(ref idle);
            if (!work)
            {
                Interlocked.Decrement(ref threads);
                // A request that saw this thread idle a moment ago must not be left behind.
                if (Requests.IsEmpty)
                    return;
                Interlocked.Increment(ref threads);
                continue;
            }

            if (Requests.TryDequeue(out ReplyDispatcher? dispatcher))
                dispatcher.Run();
        }
    }
}
