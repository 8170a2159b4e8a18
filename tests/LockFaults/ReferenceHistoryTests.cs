using Xunit;

namespace Sluice.LockFaults;

/// <summary>The judge is judged: histories of references that are wrong are found, and those that only look so are not.</summary>
public sealed class ReferenceHistoryTests
{
    private static readonly string[] Taken = ["A 1 k 10", "H 1 20"];
    private static readonly string[] LastOut = ["R 1 30", "B k 5 100 32 1", "D k 5 100 34 1", "O 1 40 1"];

    [Fact]
    public void A_reference_and_its_end_have_an_order() => Assert.True(IsInOrder([.. Taken, .. LastOut]));

    [Fact]
    public void A_callback_while_somebody_holds_has_none() => Assert.False(IsInOrder([.. Taken, "A 2 k 11", "H 2 22", .. LastOut, "R 2 50", "O 2 60 0"]));

    [Fact]
    public void A_generation_without_a_callback_has_none() => Assert.False(IsInOrder([.. Taken, "R 1 30", "O 1 40 1"]));

    [Fact]
    public void A_callback_that_runs_again_after_its_success_has_none() => Assert.False(IsInOrder([.. Taken, .. LastOut, "B k 5 101 50 0", "D k 5 101 55 1"]));

    // Its process was killed between the end of the callback and its acknowledgement.
    [Fact]
    public void A_callback_whose_success_nobody_heard_of_may_run_again() =>
        Assert.True(IsInOrder([.. Taken, "R 1 30", "B k 5 100 32 1", "D k 5 100 34 1", "B k 5 101 50 0", "D k 5 101 55 1"]));

    [Fact]
    public void Two_callbacks_at_once_have_none() => Assert.False(IsInOrder([.. Taken, "R 1 30", "B k 5 100 32 1", "B k 5 101 33 0", "D k 5 101 34 1", "D k 5 100 35 0", "O 1 40 2"]));

    [Fact]
    public void A_token_that_goes_back_has_none() =>
        Assert.False(IsInOrder([.. Taken, "R 1 30", "B k 5 100 32 1", "D k 5 100 34 0", "O 1 40 2", "B k 5 99 50 0", "D k 5 99 55 1"]));

    // A generation that ended behind another one, and that nobody has begun with, is gone on with by whoever comes.
    [Fact]
    public void An_end_behind_another_one_may_be_put_off_and_must_not_be_forgotten()
    {
        string[] behind = [.. Taken, "R 1 30", "B k 5 100 32 1", "A 2 k 33", "H 2 34", "R 2 35", "O 2 36 3"];
        string[] first = ["D k 5 100 44 1", "O 1 45 1"];
        Assert.True(IsInOrder([.. behind, "A 3 k 37", "H 3 38", .. first, "R 3 50", "B k 6 101 51 3", "D k 6 101 52 1", "O 3 53 1"]));
        Assert.True(IsInOrder([.. behind, .. first, "B k 6 101 51 0", "D k 6 101 52 1"]));
        Assert.False(IsInOrder([.. behind, .. first]));
        Assert.False(IsInOrder([.. behind, .. first, "A 3 k 46", "H 3 47", "R 3 50", "O 3 53 1"]));
    }

    // Prevents: a killed process being taken for one that holds for ever, or its end for nobody's.
    [Fact]
    public void What_the_killed_held_ends_with_a_callback()
    {
        Assert.True(IsInOrder([.. Taken, "B k 5 100 50 0", "D k 5 100 55 1"]));
        Assert.False(IsInOrder([.. Taken]));
    }

    // Prevents: a process that was away, and whose references had been taken back meanwhile, being taken for one that held all the time.
    [Fact]
    public void Who_was_told_of_a_loss_may_have_missed_an_end()
    {
        Assert.True(IsInOrder([.. Taken, "B k 5 100 50 0", "D k 5 100 55 1", "L 1 60", "R 1 61", "O 1 70 4"]));
        Assert.False(IsInOrder([.. Taken, "B k 5 100 50 0", "D k 5 100 55 1", "R 1 61", "O 1 70 0"]));
    }

    [Fact]
    public void A_count_is_of_processes()
    {
        Assert.True(IsInOrder([.. Taken, "A 2 k 21", "H 2 22", "N k 23 24 1", "R 2 25", "O 2 26 0", .. LastOut]));
        Assert.False(IsInOrder([.. Taken, "A 2 k 21", "H 2 22", "N k 23 24 2", "R 2 25", "O 2 26 0", .. LastOut]));
    }

    private static bool IsInOrder(string[] lines)
    {
        ReferenceHistory history = new();
        foreach (string line in lines)
            history.Add(0, line);
        history.Quiet(1_000);
        return history.Check().IsLinearizable;
    }
}
