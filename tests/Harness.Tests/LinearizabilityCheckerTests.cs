using Sluice.Harness.Linearizability;
using Xunit;

namespace Sluice.Harness.Tests;

/// <summary>The checker finds an order where there is one, and none where there is none.</summary>
public sealed class LinearizabilityCheckerTests
{
    private static readonly LockModel Mutex = new();

    // Prevents: a checker that calls everything right.
    [Fact]
    public void Two_holders_at_once_have_no_order()
    {
        LinearizabilityResult result = Check(
            Mutex,
            Acquire("x", 1, token: 10, 0, 1), Acquire("x", 2, token: 11, 2, 3), End("x", 1, 4, 5), End("x", 2, 6, 7));
        Assert.False(result.IsLinearizable);
        Assert.Equal("x", result.Key);
        Assert.Contains("none of these can follow", result.Explanation, StringComparison.Ordinal);
    }

    // Prevents: a checker that calls overlapping calls wrong although one order of them is right.
    [Fact]
    public void Overlapping_calls_may_have_happened_in_either_order()
    {
        Assert.True(Check(Mutex, Acquire("x", 1, 10, 0, 1), End("x", 1, 2, 8), Acquire("x", 2, 11, 3, 5), End("x", 2, 9, 10)).IsLinearizable);
        Assert.True(Check(Mutex, Acquire("x", 2, 11, 0, 9), Acquire("x", 1, 10, 0, 9), End("x", 1, 1, 9), End("x", 2, 20, 21)).IsLinearizable);
    }

    // Prevents: tokens that go back being called right because nobody held at the same time.
    [Fact]
    public void Tokens_that_do_not_grow_have_no_order()
    {
        Assert.False(Check(Mutex, Acquire("x", 1, 10, 0, 1), End("x", 1, 2, 3), Acquire("x", 2, 10, 4, 5)).IsLinearizable);
        Assert.True(Check(Mutex, Acquire("x", 1, 10, 0, 1), End("x", 1, 2, 3), Acquire("x", 2, 11, 4, 5)).IsLinearizable);
    }

    // Prevents: locks of one name being compared with those of another.
    [Fact]
    public void Objects_are_checked_apart()
    {
        Assert.True(Check(Mutex, Acquire("x", 1, 10, 0, 1), Acquire("y", 2, 5, 2, 3)).IsLinearizable);
        Assert.Equal("y", Check(Mutex, Acquire("x", 1, 10, 0, 1), Acquire("y", 2, 5, 2, 3), Acquire("y", 3, 6, 4, 5)).Key);
    }

    // Prevents: an operation whose answer was lost being taken for one that did nothing, or for one that certainly did something.
    [Fact]
    public void What_got_no_answer_may_have_happened_at_any_time_or_never()
    {
        Assert.True(Check(Mutex, Acquire("x", 1, 0, 0, long.MaxValue), Acquire("x", 2, 11, 2, 3)).IsLinearizable);
        Assert.True(Check(Mutex, Acquire("x", 1, 0, 0, long.MaxValue), Refused("x", 2, 2, 3)).IsLinearizable);
        Assert.False(Check(Mutex, Refused("x", 2, 2, 3), Acquire("x", 1, 0, 4, long.MaxValue)).IsLinearizable);
        Assert.True(Check(Mutex, Acquire("x", 1, 10, 0, 1), End("x", 1, 2, long.MaxValue), Acquire("x", 2, 11, 8, 9)).IsLinearizable);
    }

    // Prevents: refusals that nobody can explain.
    [Fact]
    public void A_refusal_needs_a_holder()
    {
        Assert.False(Check(Mutex, Refused("x", 1, 0, 1)).IsLinearizable);
        Assert.True(Check(new LockModel(refusesOnlyWhenHeld: false), Refused("x", 1, 0, 1)).IsLinearizable);
        Assert.True(Check(Mutex, Acquire("x", 1, 10, 0, 1), Refused("x", 2, 2, 3)).IsLinearizable);
    }

    // Prevents: an over-release, or a release of somebody else's lock, that goes unseen.
    [Fact]
    public void Who_does_not_hold_can_not_end()
    {
        Assert.False(Check(Mutex, End("x", 1, 0, 1)).IsLinearizable);
        Assert.False(Check(Mutex, Acquire("x", 1, 10, 0, 1), End("x", 1, 2, 3), End("x", 1, 4, 5)).IsLinearizable);
    }

    [Fact]
    public void A_semaphore_has_so_many_permits_and_no_more()
    {
        Operation<LockInput, LockOutput>[] three =
        [
            Acquire("x", 1, 10, 0, 1, LockOperationKind.AcquirePermit), Acquire("x", 2, 11, 2, 3, LockOperationKind.AcquirePermit),
            Acquire("x", 3, 12, 4, 5, LockOperationKind.AcquirePermit),
        ];
        Assert.True(Check(new LockModel(permits: 3), three).IsLinearizable);
        Assert.False(Check(new LockModel(permits: 2), three).IsLinearizable);
    }

    [Fact]
    public void Readers_overlap_and_a_writer_overlaps_nobody()
    {
        Operation<LockInput, LockOutput>[] readers =
            [Acquire("x", 1, 10, 0, 1, LockOperationKind.AcquireShared), Acquire("x", 2, 11, 2, 3, LockOperationKind.AcquireShared)];
        Assert.True(Check(Mutex, readers).IsLinearizable);
        Assert.False(Check(Mutex, [.. readers, Acquire("x", 3, 12, 4, 5)]).IsLinearizable);
    }

    // Prevents: a search that never ends on a history as large as those of the fault tests.
    [Fact]
    public void Thousands_of_operations_by_many_callers_are_checked()
    {
        Random random = new(7);
        List<Operation<LockInput, LockOutput>> history = [];
        long time = 0;
        for (int i = 1; i <= 2000; i++)
        {
            // Calls reach back over each other's, as calls that wait do.
            long called = Math.Max(0, time - random.Next(12));
            history.Add(Acquire("x", i, i, called, time += 2));
            history.Add(End("x", i, time += 2, (time += 2) + random.Next(6)));
        }

        Assert.True(Check(Mutex, [.. history]).IsLinearizable);
        history[1001] = history[1001] with { Called = history[1001].Called + 40, Returned = history[1001].Returned + 40 };
        Assert.False(Check(Mutex, [.. history]).IsLinearizable);
    }

    // Prevents: "gave up" being taken for "is right".
    [Fact]
    public void A_search_that_reaches_its_limit_says_so() =>
        Assert.Throws<InvalidOperationException>(() => LinearizabilityChecker.Check(
            new LockModel(permits: 20),
            Enumerable.Range(1, 20).Select(i => Acquire("x", i, 100 - i, 0, 1000, LockOperationKind.AcquirePermit)).Append(Refused("x", 50, 0, 1000)),
            limit: 100));

    private static LinearizabilityResult Check(LockModel model, params Operation<LockInput, LockOutput>[] history) => LinearizabilityChecker.Check(model, history);

    private static Operation<LockInput, LockOutput> Acquire(
        string key, int handle, long token, long called, long returned, LockOperationKind kind = LockOperationKind.AcquireExclusive) =>
        new(key, handle, new LockInput(kind, handle), new LockOutput(true, token), called, returned);

    private static Operation<LockInput, LockOutput> Refused(string key, int handle, long called, long returned) =>
        new(key, handle, new LockInput(LockOperationKind.AcquireExclusive, handle), new LockOutput(false, 0), called, returned);

    private static Operation<LockInput, LockOutput> End(string key, int handle, long called, long returned) =>
        new(key, handle, new LockInput(LockOperationKind.End, handle), default, called, returned);
}
