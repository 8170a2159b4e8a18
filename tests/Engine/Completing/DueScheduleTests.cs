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
}
