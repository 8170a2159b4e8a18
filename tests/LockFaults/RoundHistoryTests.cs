using Xunit;

namespace Sluice.LockFaults;

/// <summary>The judge is judged: histories that are wrong are found, and those that only look so are not.</summary>
public sealed class RoundHistoryTests
{
    [Fact]
    public void One_after_the_other_has_an_order()
    {
        RoundHistory history = Of("C 1 a X 10", "G 1 20 100", "C 2 a X 12", "E 1 30 40 0", "G 2 35 101", "E 2 50 60 0");
        Assert.True(history.Check().IsLinearizable);
        Assert.Equal((2, 0), (history.Granted, history.Overlaps()));
    }

    [Fact]
    public void Two_at_once_have_none()
    {
        RoundHistory history = Of("C 1 a X 10", "G 1 20 100", "C 2 a X 21", "G 2 25 101", "E 1 30 40 0", "E 2 50 60 0");
        Assert.False(history.Check().IsLinearizable);
        Assert.Equal(1, history.Overlaps());
    }

    [Fact]
    public void A_token_that_goes_back_has_none()
    {
        RoundHistory history = Of("C 1 a X 10", "G 1 20 101", "E 1 30 40 0", "C 2 a X 50", "G 2 60 100", "E 2 70 80 0");
        Assert.False(history.Check().IsLinearizable);
    }

    // A sleeper's hold ended at some moment that it did not see: after its last look, before it noticed.
    [Fact]
    public void A_sleeper_that_had_lost_when_it_looked_again_is_in_order()
    {
        RoundHistory history = Of("C 1 a X 10", "G 1 20 100", "C 2 a X 30", "G 2 40 101", "E 2 50 60 0", "E 1 25 90 1");
        Assert.True(history.Check().IsLinearizable);
        Assert.Equal(0, history.Overlaps());
    }

    // Prevents: a worker's death hiding that somebody else had the lock before.
    [Fact]
    public void What_the_killed_held_it_held_until_its_last_look()
    {
        RoundHistory history = Of("C 1 a X 10", "G 1 20 100", "H 1 30", "H 1 50", "C 2 a X 31", "G 2 40 101", "E 2 60 70 0");
        Assert.False(history.Check().IsLinearizable);
        Assert.Equal(1, history.Overlaps());
        RoundHistory later = Of("C 1 a X 10", "G 1 20 100", "H 1 30", "C 2 a X 31", "G 2 40 101", "E 2 60 70 0");
        Assert.True(later.Check().IsLinearizable);
        Assert.Equal(0, later.Overlaps());
    }

    // Prevents: a worker's death, or an answer that was lost, being taken for a lock that two had.
    [Fact]
    public void What_the_killed_held_may_have_ended_at_any_time()
    {
        RoundHistory history = Of("C 1 a X 10", "G 1 20 100", "C 3 a X 22", "C 2 a X 30", "G 2 400 101", "E 2 500 600 0");
        Assert.True(history.Check().IsLinearizable);
    }

    [Fact]
    public void A_semaphore_has_two_permits_and_no_third()
    {
        Assert.True(Of("C 1 semaphore P 10", "G 1 20 100", "C 2 semaphore P 21", "G 2 25 101", "E 1 30 40 0", "E 2 50 60 0").Check().IsLinearizable);
        RoundHistory three = Of("C 1 semaphore P 10", "G 1 20 100", "C 2 semaphore P 21", "G 2 22 101", "C 3 semaphore P 23", "G 3 24 102", "E 1 30 40 0", "E 2 50 60 0", "E 3 50 60 0");
        Assert.False(three.Check().IsLinearizable);
        Assert.Equal(1, three.Overlaps());
    }

    [Fact]
    public void Readers_share_and_a_writer_does_not()
    {
        Assert.True(Of("C 1 a S 10", "G 1 20 100", "C 2 a S 21", "G 2 25 101", "E 1 30 40 0", "E 2 50 60 0").Check().IsLinearizable);
        Assert.False(Of("C 1 a S 10", "G 1 20 100", "C 2 a X 21", "G 2 25 101", "E 1 30 40 0", "E 2 50 60 0").Check().IsLinearizable);
    }

    // The next holder's token is the server's time at its grant, in microseconds: what the holder before it was told is compared with that.
    [Fact]
    public void The_lead_is_from_the_telling_to_the_next_holder_s_grant()
    {
        RoundHistory history = Of("C 1 a X 10", "G 1 20 1000000", "L 1 2000000000", "C 2 a X 30", "G 2 40 2500000", "E 1 25 90 1", "E 2 95 96 0");
        (int worker, TimeSpan lead) = Assert.Single(history.Leads(new ClockPair(0, TimeSpan.Zero)));
        Assert.Equal((0, TimeSpan.FromSeconds(0.5)), (worker, lead));
    }

    private static RoundHistory Of(params string[] lines)
    {
        RoundHistory history = new();
        foreach (string line in lines)
            history.Add(0, line);
        return history;
    }
}
