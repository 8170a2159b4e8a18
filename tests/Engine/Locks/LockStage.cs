using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>Engines' lock clients over one server whose time a test drives, each with a connection that can be cut.</summary>
internal sealed class LockStage : IAsyncDisposable
{
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(9);

    private readonly List<LockClient> _clients = [];
    private readonly List<CuttableLocks> _connections = [];
    private uint _engines;

    public LockStage(int partitions = 1) => (Server, Space) = (new InProcessLockCoordinator(Time), new LockNamespace("test", partitions));

    public HandDrivenTimeProvider Time { get; } = new();

    public InProcessLockCoordinator Server { get; }

    public LockNamespace Space { get; }

    public long ServerNow => (Time.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public LockPartitionState State => Server.Snapshot(Space, 0);

    public (LockClient Client, CuttableLocks Connection) NewEngine(TimeSpan? lease = null, TimeSpan? requestTimeout = null, LockNamespace? space = null) => NewEngine(
        LockTerms.Of(new EngineLockOptions { LeaseDuration = lease ?? Lease, Description = $"engine {_engines + 1}" }, requestTimeout ?? TimeSpan.FromSeconds(2), runsOut: true), space);

    public (LockClient Client, CuttableLocks Connection) NewEngine(LockTerms terms, LockNamespace? space = null)
    {
        CuttableLocks connection = new(Server);
        _engines++;
        LockClient client = new(connection, space ?? Space, terms, new LockEngineId(_engines, _engines), Time, NullLogger.Instance);
        _clients.Add(client);
        _connections.Add(connection);
        return (client, connection);
    }

    public static LockTarget Target(LockClient client, string name = "x", TimeSpan? maxHold = null, string kind = LockTarget.MutexKind, int capacity = 1) =>
        new(client, kind, name, new LockOptions { MaxHold = maxHold }, TimeSpan.FromSeconds(1), capacity);

    public static IMutex Mutex(LockClient client, string name = "x", TimeSpan? maxHold = null) => new EngineMutex(Target(client, name, maxHold), LockMode.Exclusive);

    public static IReaderWriterLock ReaderWriterLock(LockClient client) => new EngineReaderWriterLock(Target(client, kind: LockTarget.ReaderWriterKind));

    /// <summary>Moves the time in small steps, and waits after each until the keepers have done what was due.</summary>
    public async Task PassAsync(TimeSpan span)
    {
        for (TimeSpan left = span; left > TimeSpan.Zero; left -= TimeSpan.FromMilliseconds(500))
        {
            Time.Advance(left < TimeSpan.FromMilliseconds(500) ? left : TimeSpan.FromMilliseconds(500));
            foreach (LockClient client in _clients)
                await client.Keeper.IdleAsync();
        }
    }

    /// <summary>Moves the time until a task has ended, but not far: less than a request may take in the tests that use this.</summary>
    public Task EndsSoonAsync(Task task) => UntilAsync(() =>
    {
        if (!task.IsCompleted)
            Time.Advance(TimeSpan.FromMilliseconds(50));
        return task.IsCompleted;
    });

    /// <summary>Waits, in real time, for what another thread is about to do.</summary>
    public static Task UntilAsync(Func<bool> isSo) => Eventually.UntilAsync(isSo, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (CuttableLocks connection in _connections)
            connection.Stalls = false;
        foreach (LockClient client in _clients)
            await client.StopAsync(CancellationToken.None);
    }
}
