using Sluice.Harness;
using Sluice.Samples.Locking;
using Xunit;

namespace Sluice.Samples.Tests;

/// <summary>kazurator's examples.</summary>
public sealed class LocksTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_two_leases_two_work_at_a_time_and_the_third_follows()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        TaskCompletionSource[] go = [.. Enumerable.Range(0, 3).Select(static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];
        TaskCompletionSource[] begun = [.. Enumerable.Range(0, 3).Select(static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];
        Task[] callers =
        [
            .. Enumerable.Range(0, 3).Select(i => Examples.WorkAsync(
                engine.Locks,
                async () =>
                {
                    begun[i].SetResult();
                    await go[i].Task;
                },
                Cancellation)),
        ];
        await begun[0].Task;
        await begun[1].Task;
        Assert.Equal(1, (await engine.Locks.Semaphore("some/path", 2).GetParticipantsAsync(Cancellation)).Waiting);
        Assert.False(begun[2].Task.IsCompleted);
        go[0].SetResult();
        await begun[2].Task;
        go[1].SetResult();
        go[2].SetResult();
        await Task.WhenAll(callers);
    }

    [Fact]
    public async Task A_reader_blocks_a_writer_who_gives_up_after_a_second()
    {
        HandDrivenTimeProvider time = new();
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions { TimeProvider = time }, Cancellation);
        await Examples.ReadAsync(
            engine.Locks,
            async () =>
            {
                Task write = Examples.WriteAsync(engine.Locks, static () => Task.CompletedTask, Cancellation);
                time.Advance(TimeSpan.FromMilliseconds(999));
                Assert.Equal(1, (await engine.Locks.ReaderWriterLock("some/path").GetParticipantsAsync(Cancellation)).Waiting);
                time.Advance(TimeSpan.FromMilliseconds(1));
                await Assert.ThrowsAsync<LockTimeoutException>(() => write);
            },
            Cancellation);
        await Examples.WriteAsync(engine.Locks, static () => Task.CompletedTask, Cancellation);
    }

    [Fact]
    public async Task The_register_refuses_a_holder_that_has_been_replaced()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        FencedRegister<string> register = new("");
        await using LockHandle old = await engine.Locks.Mutex("front page").AcquireAsync(cancellation: Cancellation);
        await old.ReleaseAsync(Cancellation);
        Assert.True(await Examples.PublishAsync(engine.Locks, register, "new", Cancellation));
        Assert.False(register.TryWrite(old.FencingToken, "old"));
        Assert.Equal("new", register.Value);
    }
}
