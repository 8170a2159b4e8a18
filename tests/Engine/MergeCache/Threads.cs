using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Sluice.Tests.Caching;

/// <summary>Threads of a stress test: workers with an end, and companions that run until the workers are done.</summary>
internal sealed class Threads
{
    private readonly ConcurrentQueue<Exception> _failures = new();
    private readonly List<Thread> _workers = [];
    private readonly List<Thread> _companions = [];
    private volatile bool _done;

    /// <summary>Adds a thread that ends by itself.</summary>
    public Threads Work(Action work)
    {
        _workers.Add(new Thread(() => Guarded(work)) { IsBackground = true });
        return this;
    }

    /// <summary>Adds a thread that repeats a step until every worker has ended, and at least once after that.</summary>
    public Threads Meanwhile(Action step)
    {
        void Repeat()
        {
            bool last;
            do
            {
                last = _done;
                step();
            }
            while (!last);
        }

        _companions.Add(new Thread(() => Guarded(Repeat)) { IsBackground = true });
        return this;
    }

    /// <summary>What a worker does while another thread has to move; ends the worker when one has failed, since it might wait for ever.</summary>
    public void Wait()
    {
        if (!_failures.IsEmpty)
            throw new OperationCanceledException("Another thread failed.");
        Thread.Yield();
    }

    /// <summary>Starts all, waits for all, and throws what the first to fail threw.</summary>
    public void Run()
    {
        foreach (Thread thread in _companions.Concat(_workers))
            thread.Start();
        foreach (Thread thread in _workers)
            thread.Join();
        _done = true;
        foreach (Thread thread in _companions)
            thread.Join();
        if (_failures.TryDequeue(out Exception? first))
            ExceptionDispatchInfo.Throw(first);
    }

    private void Guarded(Action body)
    {
        try
        {
            body();
        }
        catch (Exception e)
        {
            _failures.Enqueue(e);
        }
    }
}
