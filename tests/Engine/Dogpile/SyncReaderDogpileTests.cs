using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>A value that is replaced in place: readers and the creator that replaces it exclude each other.</summary>
public sealed class SyncReaderDogpileTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly HandDrivenTimeProvider _time = new();
    private readonly SyncReaderDogpile<int> _dogpile;

    public SyncReaderDogpileTests() => _dogpile = new SyncReaderDogpile<int>(new DogpileOptions { Expiry = Minute, TimeProvider = _time, Name = "index" });

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // The file that a reader reads must not be replaced under it, and the next reader must read the new one.
    [Fact]
    public async Task The_write_phase_waits_for_readers_and_holds_new_ones_back()
    {
        Creator first = new();
        Task<DogpileScope<int>> initial = _dogpile.AcquireAsync(first.CreateAsync, Cancellation).AsTask();
        await first.Entered.Task;
        first.End.SetResult(1);
        DogpileScope<int> reader = await initial;

        _time.Advance(Minute);
        Creator second = new();
        Task<DogpileScope<int>> creating = _dogpile.AcquireAsync(second.CreateAsync, Cancellation).AsTask();
        Task<DogpileScope<int>> heldBack = _dogpile.AcquireAsync(second.CreateAsync, Cancellation).AsTask();
        Assert.False(second.Entered.Task.IsCompleted);
        Assert.False(heldBack.IsCompleted);

        reader.Dispose();
        await second.Entered.Task;
        Assert.False(heldBack.IsCompleted);
        second.End.SetResult(2);
        using DogpileScope<int> created = await creating;
        using DogpileScope<int> next = await heldBack;
        Assert.Equal((2, DogpileOutcome.Created), (created.Value, created.Outcome));
        Assert.Equal((2, DogpileOutcome.Current), (next.Value, next.Outcome));
    }

    // Preparing the new value takes long; only swapping needs readers out.
    [Fact]
    public async Task Until_the_write_phase_readers_go_on_with_the_old_value()
    {
        (await _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(1), Cancellation)).Dispose();
        _time.Advance(Minute);
        TaskCompletionSource prepared = new();
        Task<DogpileScope<int>> creating = _dogpile.AcquireAsync(
            async (write, token) =>
            {
                await prepared.Task;
                await write.EnterAsync(token);
                return 2;
            },
            Cancellation).AsTask();
        for (int i = 0; i < 3; i++)
        {
            using DogpileScope<int> reader = await _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(3), Cancellation);
            Assert.Equal((1, DogpileOutcome.Stale), (reader.Value, reader.Outcome));
        }

        prepared.SetResult();
        (await creating).Dispose();
        Assert.Equal((0, false, 0, 0), _dogpile.Readers.State);
    }

    // Disposing a section and a copy of it must not let a writer in beside another reader.
    [Fact]
    public async Task A_section_ends_once()
    {
        DogpileScope<int> one = await _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(1), Cancellation);
        DogpileScope<int> other = await _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(1), Cancellation);
        DogpileScope<int> copy = one;
        one.Dispose();
        copy.Dispose();
        await copy.DisposeAsync();
        Assert.Equal((1, false, 0, 0), _dogpile.Readers.State);
        other.Dispose();
    }

    // A creator that fails in its write phase must not leave the readers outside.
    [Fact]
    public async Task A_creator_that_fails_ends_its_write_phase()
    {
        (await _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(1), Cancellation)).Dispose();
        _time.Advance(Minute);
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => _dogpile.AcquireAsync(
            async (write, token) =>
            {
                await write.EnterAsync(token);
                await write.EnterAsync(token);
                throw new TimeZoneNotFoundException();
            },
            Cancellation).AsTask());
        Assert.Equal((0, false, 0, 0), _dogpile.Readers.State);
    }

    // The creator waits for a reader that never leaves, and everybody who waits for it has gone: it must hear so.
    [Fact]
    public async Task A_write_phase_that_nobody_waits_for_any_more_is_given_up()
    {
        using DogpileScope<int> reader = await _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(1), Cancellation);
        _time.Advance(Minute);
        using CancellationTokenSource impatient = new();
        Creator creator = new();
        Task<DogpileScope<int>> creating = _dogpile.AcquireAsync(creator.CreateAsync, impatient.Token).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => creating);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => creator.Entered.Task);
    }

    [Fact]
    public async Task A_creator_that_reads_in_its_own_write_phase_is_told_so()
    {
        (await _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(1), Cancellation)).Dispose();
        _time.Advance(Minute);
        ReentrantCreationException e = await Assert.ThrowsAsync<ReentrantCreationException>(() => _dogpile.AcquireAsync(
            async (write, token) =>
            {
                await write.EnterAsync(token);
                using DogpileScope<int> own = await _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(3), token);
                return own.Value;
            },
            Cancellation).AsTask());
        Assert.Contains("'index' -> 'index'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_getter_reads_inside_the_section()
    {
        int stored = 0;
        ValueGetter<int> getter = ValueGetter<int>.OfValue(() =>
        {
            Assert.Equal(1, _dogpile.Readers.State.Readers);
            return ValueLookup<int>.Found(stored);
        });
        using (DogpileScope<int> created = await _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(stored = 1), getter, Cancellation))
            Assert.Equal(1, created.Value);
        using DogpileScope<int> read = await _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(stored = 2), getter, Cancellation);
        Assert.Equal((1, DogpileOutcome.Current), (read.Value, read.Outcome));
    }

    [Fact]
    public async Task A_getter_that_fails_ends_the_section()
    {
        ValueGetter<int> broken = ValueGetter<int>.OfValueAndTime(() => throw new TimeZoneNotFoundException());
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => _dogpile.AcquireAsync((_, _) => ValueTask.FromResult(1), broken, Cancellation).AsTask());
        Assert.Equal((0, false, 0, 0), _dogpile.Readers.State);
    }

    /// <summary>Enters its write phase at once, and ends when told.</summary>
    private sealed class Creator
    {
        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<int> End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async ValueTask<int> CreateAsync(WritePhase write, CancellationToken token)
        {
            try
            {
                await write.EnterAsync(token);
            }
            catch (OperationCanceledException)
            {
                Entered.SetCanceled(token);
                throw;
            }

            Entered.SetResult();
            return await End.Task;
        }
    }
}
