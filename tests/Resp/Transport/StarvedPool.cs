using Xunit;

namespace Sluice.Resp.Tests.Transport;

/// <summary>As many blocked work items as the pool may have threads.</summary>
internal sealed class StarvedPool : IDisposable
{
    private readonly ManualResetEventSlim _release = new();
    private readonly int _workers;
    private readonly int _ports;
    private volatile bool _served;
    private bool _ended;

    public StarvedPool()
    {
        ThreadPool.GetMaxThreads(out _workers, out _ports);
        int threads = Environment.ProcessorCount;
        Assert.True(ThreadPool.SetMaxThreads(threads, _ports));
        ThreadPool.GetMinThreads(out int minimum, out int minimumPorts);

        // Also those threads that the pool had beyond the new limit.
        int blockers = Math.Max(threads, ThreadPool.ThreadCount) + minimum;
        using CountdownEvent first = new(Math.Max(1, threads - 1));
        for (int i = 0; i < blockers; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                _ =>
                {
                    try
                    {
                        if (first.CurrentCount > 0)
                            first.Signal();
                    }
                    catch (Exception late) when (late is InvalidOperationException or ObjectDisposedException)
                    {
                        // counted enough
                    }

                    _release.Wait();
                },
                null);
        }

        first.Wait(Connected.Patience);
        ThreadPool.UnsafeQueueUserWorkItem(_ => _served = true, null);
    }

    public bool PoolServed => _served;

    public void Dispose()
    {
        if (_ended)
            return;
        _ended = true;
        _release.Set();
        ThreadPool.SetMaxThreads(_workers, _ports);
    }
}
