using System.Runtime.CompilerServices;
using Sluice.Locking;

namespace Sluice.Allocations;

/// <summary>A mutex of an engine without a server, acquired and released while nobody else wants it: the handle is all that it may allocate.</summary>
internal sealed class MutexCase : AllocationCase
{
    private readonly SluiceEngine _engine;
    private readonly IMutex[] _mutexes;
    private readonly long _handleBytes;
    private long _excused;
    private long _sum;

    public MutexCase()
    {
        _engine = SluiceEngine.StartAsync().GetAwaiter().GetResult();
        _mutexes = [.. Enumerable.Range(0, 64).Select(i => _engine.Locks.Mutex($"account:{i}"))];
        long before = GC.GetAllocatedBytesForCurrentThread();
        object handle = RuntimeHelpers.GetUninitializedObject(typeof(HeldLock));
        _handleBytes = GC.GetAllocatedBytesForCurrentThread() - before;
        GC.KeepAlive(handle);
    }

    public override string Name => "mutex in the process, beyond its handle";

    public override long ExcusedBytes => _excused;

    public override void Run(int operations)
    {
        long sum = 0;
        for (int i = 0; i < operations; i++)
        {
            IMutex mutex = _mutexes[i & (_mutexes.Length - 1)];
            LockHandle held = i % 2 == 0 ? Completed.Of(mutex.AcquireAsync()) : mutex.TryAcquire()!;
            sum += held.FencingToken;
            if (Completed.Of(held.ReleaseAsync()) != ReleaseOutcome.Released)
                throw new InvalidOperationException("A lock that nobody else wants was lost.");
        }

        _excused = operations * _handleBytes;
        Volatile.Write(ref _sum, sum);
    }

    public override void Dispose()
    {
        _engine.DisposeAsync().AsTask().GetAwaiter().GetResult();
        base.Dispose();
    }
}
