using Sluice.Coordination;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>Upgrades that are given up, and what is left of them: at the server, and on its way.</summary>
public sealed class UpgradeTests : IAsyncDisposable
{
    private readonly LockStage _stage = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private LockRecord Record => Assert.Single(_stage.State.Records.Values);

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    // Prevents: a writer beside a reader. All upgrades of a handle wait under its number, so the push that granted one that was given up looks like the grant of the next.
    [Fact]
    public async Task A_push_of_an_upgrade_that_was_given_up_does_not_grant_the_next_one()
    {
        Scene scene = await Scene.BeginAsync(_stage);
        Task<bool> givenUp = scene.Upgradeable.TryUpgradeAsync(TimeSpan.FromSeconds(1), Cancellation).AsTask();
        await LockStage.UntilAsync(() => Record.Upgrade is not null);
        scene.Connection.LosesPushes = true;
        await scene.Reader.ReleaseAsync(Cancellation);
        LockHolder writer = Assert.Single(Record.Holders);
        Assert.Equal(LockMode.Exclusive, writer.Mode);
        _stage.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await givenUp);
        scene.Connection.LosesPushes = false;

        ReaderWriterLockHandle reader = await LockStage.ReaderWriterLock(scene.One).AcquireAsync(LockAccess.Read, cancellation: Cancellation);
        Task<bool> next = scene.Upgradeable.TryUpgradeAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        await LockStage.UntilAsync(() => Record.Upgrade is not null);
        int asked = Upgrades(scene.Connection);
        scene.Two.OnWake(0, new LockWake(LockWakeKind.Granted, writer.Handle.Session, writer.Handle.Number, writer.Token, _stage.ServerNow));

        // A hint, after which the server is asked.
        await LockStage.UntilAsync(() => next.IsCompleted || Upgrades(scene.Connection) > asked);
        Assert.False(next.IsCompleted);
        Assert.Equal((true, LockAccess.UpgradeableRead), (reader.IsHeld, scene.Upgradeable.Access));
        await reader.ReleaseAsync(Cancellation);
        Assert.True(await next.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
        Assert.True(scene.Upgradeable.FencingToken > writer.Token);
    }

    // Prevents: everybody being kept out, for as long as a reader reads, in favour of a writer that nobody is.
    [Fact]
    public async Task An_upgrade_that_was_given_up_unheard_is_taken_back_when_the_server_is_heard_again()
    {
        Scene scene = await Scene.BeginAsync(_stage);
        Task<bool> upgrade = scene.Upgradeable.TryUpgradeAsync(TimeSpan.FromSeconds(1), Cancellation).AsTask();
        await LockStage.UntilAsync(() => Record.Upgrade is not null);
        scene.Connection.IsCut = true;
        await _stage.EndsSoonAsync(upgrade);
        Assert.False(await upgrade);
        Assert.NotNull(Record.Upgrade);
        Assert.Equal((LockHandleState.Suspended, LockAccess.UpgradeableRead), (scene.Upgradeable.State, scene.Upgradeable.Access));

        // Conversions come one after the other, and the taking back is one.
        Assert.False(await scene.Upgradeable.TryUpgradeAsync(TimeSpan.Zero, Cancellation));
        Task<bool> next = scene.Upgradeable.TryUpgradeAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        ConvertRequest[] before = [.. scene.Connection.Requests.OfType<ConvertRequest>()];
        scene.Connection.IsCut = false;
        await _stage.EndsSoonAsync(LockStage.UntilAsync(() => Upgrades(scene.Connection) == 2 && Record.Upgrade is not null));
        LockMode[] after = [.. scene.Connection.Requests.OfType<ConvertRequest>().Skip(before.Length).Select(static request => request.Mode)];
        Assert.Equal([LockMode.Upgradeable, LockMode.Exclusive], after);
        await scene.Reader.ReleaseAsync(Cancellation);
        Assert.True(await next.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    // Prevents: a release that waits for what it makes needless.
    [Fact]
    public async Task A_handle_whose_upgrade_is_being_taken_back_is_released_as_any_other()
    {
        Scene scene = await Scene.BeginAsync(_stage);
        Task<bool> upgrade = scene.Upgradeable.TryUpgradeAsync(TimeSpan.FromSeconds(1), Cancellation).AsTask();
        await LockStage.UntilAsync(() => Record.Upgrade is not null);
        scene.Connection.IsCut = true;
        await _stage.EndsSoonAsync(upgrade);
        scene.Connection.IsCut = false;
        Assert.Equal(ReleaseOutcome.Released, await scene.Upgradeable.ReleaseAsync(Cancellation));
        Assert.Null(Record.Upgrade);
        await scene.Reader.ReleaseAsync(Cancellation);
        Assert.Empty(_stage.State.Records);
    }

    private static int Upgrades(CuttableLocks connection) => connection.Requests.OfType<ConvertRequest>().Count(static request => request.Mode == LockMode.Exclusive);

    /// <summary>One engine reads, and another reads and may write.</summary>
    private sealed record Scene(LockClient One, LockClient Two, CuttableLocks Connection, ReaderWriterLockHandle Reader, ReaderWriterLockHandle Upgradeable)
    {
        public static async Task<Scene> BeginAsync(LockStage stage)
        {
            (LockClient one, _) = stage.NewEngine();
            (LockClient two, CuttableLocks connection) = stage.NewEngine();
            ReaderWriterLockHandle reader = await LockStage.ReaderWriterLock(one).AcquireAsync(LockAccess.Read, cancellation: Cancellation);
            ReaderWriterLockHandle upgradeable = await LockStage.ReaderWriterLock(two).AcquireAsync(LockAccess.UpgradeableRead, cancellation: Cancellation);
            return new Scene(one, two, connection, reader, upgradeable);
        }
    }
}
