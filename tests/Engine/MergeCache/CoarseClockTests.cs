using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Caching;

/// <summary>The wall clock that merges ask: how old it can be, and that it rests when nobody asks.</summary>
public sealed class CoarseClockTests
{
    [Fact]
    public void Time_is_at_most_a_resolution_old_and_exact_for_those_who_ask_exactly()
    {
        // A clock that stands still lets merges into sessions whose deadline has passed.
        HandDrivenTimeProvider time = new();
        CoarseClock clock = new(time);
        for (int n = 0; n < 100; n++)
        {
            long asked = clock.NowTicks;
            Assert.InRange(time.GetUtcNow().UtcTicks - asked, 0, CoarseClock.Resolution.Ticks);
            time.Advance(TimeSpan.FromMilliseconds(1.3 * (n % 9)));
            Assert.InRange(time.GetUtcNow().UtcTicks - clock.NowTicks, 0, CoarseClock.Resolution.Ticks);
            Assert.Equal(time.GetUtcNow().UtcTicks, clock.ReadExactTicks());
            Assert.Equal(time.GetUtcNow().UtcTicks, clock.NowTicks);
        }
    }

    [Fact]
    public void Timer_stops_when_nobody_asks_and_the_next_one_who_asks_gets_the_time()
    {
        // A timer that runs on would wake an idle process two hundred times a second.
        HandDrivenTimeProvider time = new();
        CoarseClock clock = new(time);
        Assert.False(clock.IsTicking);
        for (int round = 0; round < 3; round++)
        {
            Assert.Equal(time.GetUtcNow().UtcTicks, clock.NowTicks);
            Assert.True(clock.IsTicking);
            time.Advance(TimeSpan.FromSeconds(2));
            Assert.False(clock.IsTicking);
            time.Advance(TimeSpan.FromHours(1));
        }
    }

    [Fact]
    public void System_time_has_one_coarse_clock_and_other_providers_are_asked_each_time()
    {
        Assert.Same(SessionClock.FromTimeProvider(TimeProvider.System), SessionClock.FromTimeProvider(TimeProvider.System));
        HandDrivenTimeProvider time = new();
        SessionClock exact = SessionClock.FromTimeProvider(time);
        for (int n = 0; n < 3; n++)
        {
            Assert.Equal(time.GetUtcNow().UtcTicks, exact.NowTicks);
            time.Advance(TimeSpan.FromTicks(1));
        }
    }
}
