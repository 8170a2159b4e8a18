using Sluice.Caching;
using Xunit;

namespace Sluice.Schedules;

/// <summary>
/// What a thread that never comes back can hold up: the writers of its key while it is inside a claim; the sessions that begin and end in its stripe while
/// it is inside the gate; never the merge of another resident key.
/// </summary>
public sealed class ProgressTests
{
    [Fact]
    public void Thread_that_stops_inside_a_merge_for_ever_stops_nobody_on_other_keys()
    {
        int points = 0;
        for (bool froze = true; froze; points++)
        {
            CacheHistory history = new(2, long.MaxValue, h =>
            {
                h.Merge("a", "b");
                return
                [
                    () => h.Merge("a"),
                    () =>
                    {
                        h.Merge("b");
                        h.MergeBatch("b", "b");
                        h.Flush("b");

                        // Room for new keys: the hand passes by the entry that is held.
                        h.Merge("c", "d", "c");
                        h.Expire("c");
                    },
                ];
            });
            Run run = new(history.Operations, Mutant.None, [], frozen: 0, freezeAt: points);
            run.Execute();
            froze = run.HasFrozen;
            Assert.False(run.IsStuck, $"Frozen after {points} points: {string.Join(' ', run.Trace)}");
            Assert.Null(run.Failure);
        }

        Assert.True(points > 3, $"Only {points} points.");
    }

    [Theory]
    [InlineData("evict")]
    [InlineData("flush")]
    [InlineData("expire")]
    [InlineData("sweep")]
    public void Thread_that_stops_inside_the_gate_for_ever_stops_no_merge_of_a_resident_key(string operation)
    {
        int points = 0;
        for (bool froze = true; froze; points++)
        {
            CacheHistory history = new(2, 100, h =>
            {
                h.Merge("a");
                h.Clock.Advance(50);
                h.Merge("b");
                return
                [
                    () =>
                    {
                        switch (operation)
                        {
                            case "evict":
                                h.Merge("c");
                                break;
                            case "flush":
                                h.Flush("a");
                                break;
                            case "expire":
                                h.Expire("a");
                                break;
                            default:
                                h.Clock.Advance(50);
                                h.Sweep();
                                break;
                        }
                    },
                    () =>
                    {
                        h.Merge("b", "b");
                        h.MergeBatch("b", "b");
                    },
                ];
            });
            Run run = new(history.Operations, Mutant.None, [], frozen: 0, freezeAt: points);
            run.Execute();
            froze = run.HasFrozen;
            Assert.False(run.IsStuck, $"Frozen after {points} points: {string.Join(' ', run.Trace)}");
            Assert.Null(run.Failure);
        }

        Assert.True(points > 3, $"Only {points} points.");
    }
}
