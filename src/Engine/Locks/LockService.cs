using System.Collections.Immutable;
using Sluice.Locking;

namespace Sluice;

/// <summary>The locks of one engine: <see cref="SluiceEngine.Locks"/>.</summary>
/// <remarks>Thread-safe. Nothing is asked of the coordinator, and no thread started, before the first lock is used.</remarks>
public sealed class LockService : ILockService
{
    private const int MostLeases = 100_000;

    private readonly Lock _gate = new();
    private readonly Func<LockClient> _connect;
    private readonly EngineLockOptions _options;
    private LockClient? _client;
    private bool _isStopping;

    internal LockService(EngineLockOptions options, Func<LockClient> connect) => (_options, _connect) = (options, connect);

    private LockClient Client
    {
        get
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_isStopping, typeof(SluiceEngine));
                return _client ??= _connect();
            }
        }
    }

    /// <inheritdoc/>
    public IMutex Mutex(string name, LockOptions? options = null) => new EngineMutex(Target(LockTarget.MutexKind, name, options), LockMode.Exclusive);

    /// <inheritdoc/>
    public IMutex Semaphore(string name, int maxLeases, LockOptions? options = null)
    {
        CheckCount(maxLeases, nameof(maxLeases));
        return new EngineMutex(Target(LockTarget.SemaphoreKind, name, options, maxLeases), LockMode.Permit);
    }

    /// <inheritdoc/>
    public IReaderWriterLock ReaderWriterLock(string name, LockOptions? options = null) =>
        new EngineReaderWriterLock(Target(LockTarget.ReaderWriterKind, name, options));

    /// <inheritdoc/>
    public IMultiLock MultiLock(IEnumerable<string> names, LockOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(names);
        return new EngineMultiLock(Client, names, (options ?? new LockOptions()).Checked(), _options.AcquireTimeout);
    }

    /// <inheritdoc/>
    public IBarrier Barrier(string name, int participants)
    {
        CheckCount(participants, nameof(participants));
        return new EngineBarrier(Target(LockTarget.BarrierKind, name, options: null, participants));
    }

    /// <inheritdoc/>
    public ICountdownLatch CountdownLatch(string name, int count, TimeSpan? remembered = null)
    {
        CheckCount(count, nameof(count));
        TimeSpan life = remembered ?? TimeSpan.FromDays(1);
        if (life < TimeSpan.FromSeconds(1) || life > TimeSpan.FromDays(30))
            throw new ArgumentOutOfRangeException(nameof(remembered), remembered, "Signals must be remembered for 1 s to 30 days.");
        return new EngineCountdownLatch(Target(LockTarget.LatchKind, name, new LockOptions { MaxHold = life }, count));
    }

    /// <inheritdoc/>
    public ILeaderElection LeaderElection(string name, LockOptions? options = null) =>
        new EngineLeaderElection(Target(LockTarget.LeaderKind, name, options));

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<LockDeadlock>> FindDeadlocksAsync(CancellationToken cancellation = default) =>
        DeadlockSearch.FindAsync(Client, cancellation);

    /// <summary>How many locks this engine holds; for metrics, and without connecting.</summary>
    internal long Held
    {
        get
        {
            lock (_gate)
                return _client?.Held ?? 0;
        }
    }

    /// <summary>Returns when everything that is due now has been done, without connecting: for tests that move the time.</summary>
    internal ValueTask IdleAsync()
    {
        LockClient? client;
        lock (_gate)
            client = _isStopping ? null : _client;
        return client?.Keeper.IdleAsync() ?? ValueTask.CompletedTask;
    }

    internal ValueTask StopAsync(CancellationToken cancellation) => Ended() is { } client ? client.StopAsync(cancellation) : ValueTask.CompletedTask;

    internal ValueTask AbandonAsync() => Ended() is { } client ? client.AbandonAsync() : ValueTask.CompletedTask;

    private static void CheckCount(int count, string parameter)
    {
        if (count is < 1 or > MostLeases)
            throw new ArgumentOutOfRangeException(parameter, count, $"There must be 1 to {MostLeases:N0}.");
    }

    private LockClient? Ended()
    {
        lock (_gate)
        {
            _isStopping = true;
            return _client;
        }
    }

    private LockTarget Target(string kind, string name, LockOptions? options, int capacity = 1)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new LockTarget(Client, kind, name, (options ?? new LockOptions()).Checked(), _options.AcquireTimeout, capacity);
    }
}
