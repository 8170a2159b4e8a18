using Sluice.Completing;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Completing;

public sealed class DueScheduleTests
{
    // A delay drops fractions of a millisecond. The loop used to wake before the moment, find nothing due, and spin until the moment came.
    [Theory]
    [InlineData(200_000)]
    [InlineData(1_500)]
    [InlineData(1)]
    [InlineData(999)]
    [InlineData(3_599_999_999)]
    public async Task One_wait_is_enough_for_something_to_be_due(long micros)
    {
        HandDrivenTimeProvider time = new();
        DueSchedule schedule = new(partitions: 4, time);
        List<int> due = [];
        schedule.Note(2, micros);
        schedule.TakeDue(due);
        Assert.Empty(due);

        Task waiting = schedule.WaitAsync(TestContext.Current.CancellationToken).AsTask();
        Assert.True(time.AdvanceToNextTimer());
        await waiting;

        schedule.TakeDue(due);
        Assert.Equal([2], due);
    }

    // Microseconds until never are more than any clock can add to its now: the sum used to wrap, and what is never due was due at once, again and again.
    [Theory]
    [InlineData(long.MaxValue - 1)]
    [InlineData(long.MaxValue / 10)]
    [InlineData(3_155_760_000_000_000)]
    public async Task What_is_due_in_centuries_is_looked_at_once_a_day(long micros)
    {
        HandDrivenTimeProvider time = new();
        DueSchedule schedule = new(partitions: 2, time);
        List<int> due = [];
        schedule.Note(1, micros);
        schedule.TakeDue(due);
        Assert.Empty(due);

        long began = time.GetTimestamp();
        for (int waits = 0; due.Count == 0; waits++)
        {
            Assert.True(waits < 30);
            Task waiting = schedule.WaitAsync(TestContext.Current.CancellationToken).AsTask();
            Assert.True(time.AdvanceToNextTimer());
            await waiting;
            schedule.TakeDue(due);
        }

        Assert.Equal([1], due);
        Assert.Equal(TimeSpan.FromDays(1), time.GetElapsedTime(began));
    }

    // Nothing is due ever: neither a moment to wake at, nor a wrapped one in the past.
    [Fact]
    public async Task Never_is_not_noted()
    {
        HandDrivenTimeProvider time = new();
        DueSchedule schedule = new(partitions: 1, time);
        List<int> due = [];

        schedule.Note(0, long.MaxValue);
        Task waiting = schedule.WaitAsync(TestContext.Current.CancellationToken).AsTask();

        Assert.False(time.AdvanceToNextTimer());
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromDays(1_000));
        schedule.TakeDue(due);
        Assert.Empty(due);
        schedule.Note(0, -1);
        await waiting;
    }
}
