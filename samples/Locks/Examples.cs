namespace Sluice.Samples.Locking;

/// <summary>The examples of kazurator's documentation, and what a fence at the sink looks like.</summary>
public static class Examples
{
    /// <summary>A mutex with so many leases: as many callers as that work at the same time, the others wait for their turn.</summary>
    public static async Task WorkAsync(ILockService locks, Func<Task> work, CancellationToken cancellation = default)
    {
        IMutex mutex = locks.Semaphore("some/path", maxLeases: 2);
        await using LockHandle lease = await mutex.AcquireAsync(Timeout.InfiniteTimeSpan, cancellation);
        await work();
    }

    /// <summary>Whoever reads keeps writers out: with the default time-out of a second, <see cref="LockTimeoutException"/> is what the writer gets.</summary>
    public static async Task WriteAsync(ILockService locks, Func<Task> write, CancellationToken cancellation = default)
    {
        IReaderWriterLock path = locks.ReaderWriterLock("some/path");
        await using ReaderWriterLockHandle writer = await path.AcquireAsync(LockAccess.Write, cancellation: cancellation);
        await write();
    }

    /// <summary>Reads, beside other readers.</summary>
    public static async Task ReadAsync(ILockService locks, Func<Task> read, CancellationToken cancellation = default)
    {
        IReaderWriterLock path = locks.ReaderWriterLock("some/path");
        await using ReaderWriterLockHandle reader = await path.AcquireAsync(LockAccess.Read, cancellation: cancellation);
        await read();
    }

    /// <summary>
    /// A holder that may be paused between its look at the handle and its write: the register refuses a token that is lower than one that it has seen. The same for SQL is in
    /// <see cref="FencedInvoices"/>, for Redis it is <see cref="FencedScript"/>.
    /// </summary>
    public static async Task<bool> PublishAsync(ILockService locks, FencedRegister<string> register, string value, CancellationToken cancellation = default)
    {
        await using LockHandle held = await locks.Mutex("front page").AcquireAsync(cancellation: cancellation);
        return register.TryWrite(held.FencingToken, value);
    }
}
