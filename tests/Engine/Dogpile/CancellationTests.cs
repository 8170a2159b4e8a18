using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Callers that give up, creations that nobody waits for, creators that wait for themselves.</summary>
public sealed class CancellationTests
{
    private readonly HandDrivenCreator _creator = new();
    private readonly Dogpile<int> _dogpile = new(new DogpileOptions { TimeProvider = new HandDrivenTimeProvider(), Name = "report" });

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // The caller that happened to be first is a browser that was closed: the other nine want their page.
    [Fact]
    public async Task Who_gives_up_does_not_cancel_what_others_wait_for()
    {
        using CancellationTokenSource impatient = new();
        Task<DogpileScope<int>> first = _dogpile.AcquireAsync(_creator.CreateAsync, impatient.Token).AsTask();
        Task<DogpileScope<int>> second = _dogpile.AcquireAsync(_creator.CreateAsync, Cancellation).AsTask();
        HandDrivenCreator.Begun begun = await _creator.NextAsync(Cancellation);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.False(begun.Token.IsCancellationRequested);
        begun.Outcome.SetResult(1);
        Assert.Equal(1, (await second).Value);
    }

    [Fact]
    public async Task The_last_one_to_give_up_cancels_the_creator()
    {
        using CancellationTokenSource impatient = new();
        Task<DogpileScope<int>>[] callers = [.. Enumerable.Range(0, 10).Select(_ => _dogpile.AcquireAsync(_creator.CreateAsync, impatient.Token).AsTask())];
        HandDrivenCreator.Begun begun = await _creator.NextAsync(Cancellation);
        await impatient.CancelAsync();
        foreach (Task<DogpileScope<int>> caller in callers)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => caller);
        Assert.True(begun.Token.IsCancellationRequested);
        begun.Outcome.SetCanceled(begun.Token);
    }

    // A creator that is slow to hear its cancellation still runs: a newcomer must neither create beside it nor be handed its cancellation.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_newcomer_waits_for_the_end_of_an_abandoned_creation_and_creates_then(bool isCancelledInTheEnd)
    {
        using CancellationTokenSource impatient = new();
        Task<DogpileScope<int>> first = _dogpile.AcquireAsync(_creator.CreateAsync, impatient.Token).AsTask();
        HandDrivenCreator.Begun abandoned = await _creator.NextAsync(Cancellation);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);

        Task<DogpileScope<int>> newcomer = _dogpile.AcquireAsync(_creator.CreateAsync, Cancellation).AsTask();
        Assert.Equal(1, _creator.Calls);
        if (isCancelledInTheEnd)
            abandoned.Outcome.SetCanceled(abandoned.Token);
        else
            abandoned.Outcome.SetException(new TimeZoneNotFoundException("in the middle of being cancelled"));
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(2);

        Assert.Equal((2, DogpileOutcome.Created), ((await newcomer).Value, (await newcomer).Outcome));
        Assert.Equal(1, _creator.MostAtOnce);
    }

    [Fact]
    public async Task What_an_abandoned_creation_still_made_is_not_thrown_away()
    {
        using CancellationTokenSource impatient = new();
        Task<DogpileScope<int>> first = _dogpile.AcquireAsync(_creator.CreateAsync, impatient.Token).AsTask();
        HandDrivenCreator.Begun abandoned = await _creator.NextAsync(Cancellation);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Task<DogpileScope<int>> newcomer = _dogpile.AcquireAsync(_creator.CreateAsync, Cancellation).AsTask();
        abandoned.Outcome.SetResult(1);

        Assert.Equal((1, DogpileOutcome.Current), ((await newcomer).Value, (await newcomer).Outcome));
        Assert.Equal(1, _creator.Calls);
    }

    // A callback of the creator that throws must not come out of the caller that gave up.
    [Fact]
    public async Task A_creators_failing_cancellation_callback_is_not_the_callers()
    {
        using CancellationTokenSource impatient = new();
        Task<DogpileScope<int>> first = _dogpile.AcquireAsync(_creator.CreateAsync, impatient.Token).AsTask();
        HandDrivenCreator.Begun begun = await _creator.NextAsync(Cancellation);
        begun.Token.Register(() => throw new TimeZoneNotFoundException());
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        begun.Outcome.SetCanceled(begun.Token);
    }

    // It would wait for itself for ever.
    [Fact]
    public async Task A_creator_that_asks_for_its_own_value_is_told_so()
    {
        ReentrantCreationException e = await Assert.ThrowsAsync<ReentrantCreationException>(() => _dogpile.AcquireAsync(
            async token =>
            {
                await Task.Yield();
                return (await _dogpile.AcquireAsync(() => 1, token)).Value;
            },
            Cancellation).AsTask());
        Assert.Contains("'report' -> 'report'", e.Message, StringComparison.Ordinal);
        Assert.Equal(2, (await _dogpile.AcquireAsync(() => 2, Cancellation)).Value);
    }

    // Two creators, each of which needs the other's value: the circle is closed by the second, which is told; the first gets its exception.
    [Fact]
    public async Task Creations_that_wait_for_each_other_are_told_so()
    {
        Dogpile<int> other = new(new DogpileOptions { Name = "totals" });
        TaskCompletionSource bothCreate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int creating = 0;
        Task<DogpileScope<int>> report = _dogpile.AcquireAsync(token => CreateFromAsync(other, token), Cancellation).AsTask();
        Task<DogpileScope<int>> totals = other.AcquireAsync(token => CreateFromAsync(_dogpile, token), Cancellation).AsTask();

        ReentrantCreationException e = await Assert.ThrowsAsync<ReentrantCreationException>(() => report);
        Assert.Contains("'report'", e.Message, StringComparison.Ordinal);
        Assert.Contains("'totals'", e.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ReentrantCreationException>(() => totals);

        async ValueTask<int> CreateFromAsync(Dogpile<int> needed, CancellationToken token)
        {
            if (Interlocked.Increment(ref creating) == 2)
                bothCreate.SetResult();
            await bothCreate.Task.WaitAsync(token);
            return (await needed.AcquireAsync(() => 1, token)).Value;
        }
    }

    // Creations that need each other without a circle are everyday life.
    [Fact]
    public async Task A_creator_may_wait_for_other_creations()
    {
        Dogpile<int> other = new(new DogpileOptions { Name = "totals" });
        DogpileScope<int> scope = await _dogpile.AcquireAsync(
            async token =>
            {
                DogpileScope<int>[] parts = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => other.AcquireAsync(() => 20, token).AsTask()));
                return parts.Sum(part => part.Value);
            },
            Cancellation);
        Assert.Equal(100, scope.Value);
    }

    // The mark of a creation ends with its creator: the caller's next question is nobody's creation.
    [Fact]
    public async Task After_a_creation_its_caller_is_no_creator_any_more()
    {
        Assert.Equal(1, (await _dogpile.AcquireAsync(() => 1, Cancellation)).Value);
        Assert.Null(Sluice.Dogpiling.CreationFlow.Current);
    }
}
