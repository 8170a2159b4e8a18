using Xunit;

namespace Sluice.LockFaults;

/// <summary>What the search for stuck locks finds, and what not: with an engine in the process, whose locks are known.</summary>
public sealed class StuckLocksTests : IAsyncLifetime
{
    private SluiceEngine _engine = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task What_can_be_had_is_not_found_and_is_given_back()
    {
        for (int i = 0; i < 2; i++)
            Assert.Empty(await FindAsync("r:mutex0", "r:semaphore", "r:paths", "r:kept1"));
    }

    // Prevents: a semaphore with one permit left passing for a sound one, or a reader that nobody is for no obstacle.
    [Fact]
    public async Task Each_kind_that_somebody_has_is_found()
    {
        await using LockHandle mutex = await _engine.Locks.Mutex("r:mutex0").AcquireAsync(cancellation: Cancellation);
        await using LockHandle permit = await _engine.Locks.Semaphore("r:semaphore", RoundHistory.Permits).AcquireAsync(cancellation: Cancellation);
        await using LockHandle reader = await _engine.Locks.ReaderWriterLock("r:paths").AcquireAsync(LockAccess.Read, cancellation: Cancellation);
        IReadOnlyList<string> found = await FindAsync("r:mutex0", "r:mutex1", "r:semaphore", "r:paths");
        Assert.Equal(["r:mutex0", "r:semaphore", "r:paths"], found.Select(static text => text.Split(' ')[0]));
    }

    private Task<IReadOnlyList<string>> FindAsync(params string[] names) => StuckLocks.FindAsync(_engine.Locks, names, TimeSpan.Zero, Cancellation);
}
