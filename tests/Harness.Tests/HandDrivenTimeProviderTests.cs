using Xunit;

namespace Sluice.Harness.Tests;

public sealed class HandDrivenTimeProviderTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly HandDrivenTimeProvider _time = new();
    private readonly List<string> _fired = [];
    private readonly long _start;

    public HandDrivenTimeProviderTests() => _start = _time.GetTimestamp();

    // A clock that jumped to the end and then fired everything would show each callback the same, wrong, now.
    [Fact]
    public void Timers_fire_in_order_of_their_due_times_and_see_exactly_that_time()
    {
        using ITimer late = Arm("late", 3 * Second);
        using ITimer early = Arm("early", Second);
        using ITimer tiedWithLate = Arm("tied", 3 * Second);
        using ITimer beyond = Arm("beyond", 5 * Second);

        _time.Advance(4 * Second);

        Assert.Equal(["early@1", "late@3", "tied@3"], _fired);
        Assert.Equal(4 * Second, _time.GetElapsedTime(_start));
        Assert.Equal(Second, _time.UntilNextTimer);
    }

    // A beat that fires once for three periods would let a lease run out in a test and nowhere else.
    [Fact]
    public void A_periodic_timer_fires_once_for_every_period_that_passes()
    {
        using ITimer beat = _time.CreateTimer(_ => Note("beat"), null, Second, 2 * Second);

        _time.Advance(6 * Second);

        Assert.Equal(["beat@1", "beat@3", "beat@5"], _fired);
        Assert.Equal(1, _time.ArmedTimers);
    }

    // Back-off arms the next attempt from within the last: it must not wait for the next Advance.
    [Fact]
    public void A_timer_armed_by_a_callback_fires_within_the_same_advance()
    {
        ITimer? second = null;
        using ITimer first = _time.CreateTimer(_ => second = Arm("second", Second), null, Second, Timeout.InfiniteTimeSpan);

        _time.Advance(2 * Second);

        Assert.Equal(["second@2"], _fired);
        second!.Dispose();
    }

    // A lease that is renewed at moments in the middle of a pause survives it in a test, and nowhere else.
    [Fact]
    public void After_a_leap_everything_that_fell_due_fires_once_and_sees_its_end()
    {
        using ITimer once = Arm("once", Second);
        using ITimer beat = _time.CreateTimer(_ => Note("beat"), null, 2 * Second, 2 * Second);

        _time.Leap(7 * Second);

        Assert.Equal(["once@7", "beat@7"], _fired);
        Assert.Equal(2 * Second, _time.UntilNextTimer);
    }

    // NTP steps the wall clock: what is timed by it alone breaks, and tests must be able to show that.
    [Fact]
    public void Stepping_the_wall_clock_back_moves_neither_timestamps_nor_timers()
    {
        DateTimeOffset began = _time.GetUtcNow();
        using ITimer timer = Arm("due", 2 * Second);
        _time.Advance(Second);

        _time.SetUtcNow(began - TimeSpan.FromHours(1));

        Assert.Equal(Second, _time.GetElapsedTime(_start));
        Assert.Empty(_fired);
        _time.Advance(Second);
        Assert.Equal(["due@2"], _fired);
        Assert.Equal(began - TimeSpan.FromHours(1) + Second, _time.GetUtcNow());
    }

    // A stale due time that still fired would run an expiry that a later merge had moved.
    [Fact]
    public void A_changed_timer_forgets_its_old_due_time_and_a_disposed_one_never_fires()
    {
        using ITimer changed = Arm("changed", Second);
        ITimer disposed = Arm("disposed", Second);

        Assert.True(changed.Change(3 * Second, Timeout.InfiniteTimeSpan));
        disposed.Dispose();

        Assert.False(disposed.Change(Second, Timeout.InfiniteTimeSpan));
        _time.Advance(4 * Second);
        Assert.Equal(["changed@3"], _fired);
        Assert.Equal(0, _time.ArmedTimers);
    }

    // Firing at creation, as an ordinary timer does, would run callbacks while the code under test is still building itself.
    [Fact]
    public void A_timer_that_is_due_at_once_waits_for_the_next_advance()
    {
        using ITimer timer = Arm("now", TimeSpan.Zero);
        Assert.Empty(_fired);

        _time.Advance(TimeSpan.Zero);

        Assert.Equal(["now@0"], _fired);
    }

    // With two hands on the clock the order of the timers would be chance, and so would the test.
    [Fact]
    public void Time_cannot_be_advanced_from_within_an_advance()
    {
        using ITimer timer = _time.CreateTimer(_ => _time.Advance(Second), null, Second, Timeout.InfiniteTimeSpan);

        Assert.Throws<InvalidOperationException>(() => _time.Advance(Second));
        _time.Advance(Second);
        Assert.Equal(2 * Second, _time.GetElapsedTime(_start));
    }

    // The framework's own waits must be drivable, and a test must be able to wait for the loop to wait: otherwise it sleeps.
    [Fact]
    public async Task A_loop_that_waits_on_the_clock_runs_exactly_as_often_as_time_is_advanced()
    {
        CancellationToken giveUp = TestContext.Current.CancellationToken;
        int turns = 0;
        Task loop = Task.Run(
            async () =>
            {
                for (; turns < 3; turns++)
                    await Task.Delay(Second, _time, giveUp);
            },
            giveUp);

        for (int turn = 0; turn < 3; turn++)
        {
            await _time.WhenArmedAsync(1).WaitAsync(giveUp);
            Assert.Equal(turn, turns);
            Assert.True(_time.AdvanceToNextTimer());
        }

        await loop;
        Assert.Equal(3 * Second, _time.GetElapsedTime(_start));
    }

    // A callback that saw the test's own async-locals would, for one, hang its activities under the wrong trace.
    [Fact]
    public void A_callback_sees_the_async_locals_of_the_code_that_made_the_timer()
    {
        AsyncLocal<string> place = new() { Value = "maker" };
        using ITimer timer = _time.CreateTimer(_ => Note(place.Value!), null, Second, Timeout.InfiniteTimeSpan);
        place.Value = "driver";

        _time.Advance(Second);

        Assert.Equal(["maker@1"], _fired);
    }

    private ITimer Arm(string name, TimeSpan due) => _time.CreateTimer(_ => Note(name), null, due, Timeout.InfiniteTimeSpan);

    private void Note(string name) => _fired.Add($"{name}@{_time.GetElapsedTime(_start).TotalSeconds}");
}
