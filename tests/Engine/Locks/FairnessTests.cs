using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>Who is granted first, as the options of a lock say.</summary>
public sealed class FairnessTests : IAsyncLifetime
{
    private SluiceEngine _engine = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _engine = await SluiceEngine.StartAsync(new EngineOptions { Partitions = 1 }, Cancellation);

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    // Prevents: an option that changes nothing.
    [Theory]
    [InlineData(LockFairness.WritersFirst, false, false)]
    [InlineData(LockFairness.FirstInFirstOut, false, true)]
    [InlineData(LockFairness.Overtaking, true, true)]
    public async Task Readers_and_writers_pass_each_other_as_the_option_says(LockFairness fairness, bool doReadersOvertakeWriters, bool isReaderFirst)
    {
        IReaderWriterLock rw = _engine.Locks.ReaderWriterLock("x", new LockOptions { Fairness = fairness });
        ReaderWriterLockHandle reader = await rw.AcquireAsync(LockAccess.Read, cancellation: Cancellation);
        Task<ReaderWriterLockHandle?> writer = rw.TryAcquireAsync(LockAccess.Write, Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        ReaderWriterLockHandle? overtaking = await rw.TryAcquireAsync(LockAccess.Read, cancellation: Cancellation);
        Assert.Equal(doReadersOvertakeWriters, overtaking is not null);
        if (overtaking is not null)
            await overtaking.ReleaseAsync(Cancellation);
        await reader.ReleaseAsync(Cancellation);
        ReaderWriterLockHandle writing = (await writer)!;

        Task<ReaderWriterLockHandle?> first = rw.TryAcquireAsync(LockAccess.Read, Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        Task<ReaderWriterLockHandle?> second = rw.TryAcquireAsync(LockAccess.Write, Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        Assert.Equal(2, (await rw.GetParticipantsAsync(Cancellation)).Waiting);
        await writing.ReleaseAsync(Cancellation);
        ReaderWriterLockHandle next = (await await Task.WhenAny(first, second))!;
        Assert.Equal(isReaderFirst ? LockAccess.Read : LockAccess.Write, next.Access);
        await next.ReleaseAsync(Cancellation);
        await (await (isReaderFirst ? second : first))!.ReleaseAsync(Cancellation);
    }

    // Prevents: who wants several never getting them, because each becomes free while another one is taken.
    [Theory]
    [InlineData(LockFairness.FirstInFirstOut, false)]
    [InlineData(LockFairness.WritersFirst, true)]
    public async Task Who_waits_for_several_is_overtaken_unless_the_order_is_strict(LockFairness fairness, bool isOvertaken)
    {
        LockOptions options = new() { Fairness = fairness };
        LockHandle one = await _engine.Locks.Mutex("a", options).AcquireAsync(cancellation: Cancellation);
        Task<MultiLockHandle?> both = _engine.Locks.MultiLock(["a", "b"], options).TryAcquireAsync(Timeout.InfiniteTimeSpan, Cancellation).AsTask();
        LockHandle? other = await _engine.Locks.Mutex("b", options).TryAcquireAsync(cancellation: Cancellation);
        Assert.Equal(isOvertaken, other is not null);
        if (other is not null)
            await other.ReleaseAsync(Cancellation);
        await one.ReleaseAsync(Cancellation);
        Assert.True((await both.WaitAsync(TimeSpan.FromSeconds(30), Cancellation))!.IsHeld);
    }
}
