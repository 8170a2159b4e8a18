using Sluice.Dogpiling;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>What is known without reading a clock.</summary>
public sealed class AgeHorizonTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: a value that is asked for so often that nobody notices its end; and a process that is woken ten times a second for ever.
    [Fact]
    public async Task A_value_that_is_asked_for_all_the_time_ends_in_time_and_the_thread_ends_with_the_asking()
    {
        DogpileEntryOptions brief = new() { Expiry = TimeSpan.FromSeconds(3), StaleFor = TimeSpan.Zero };
        await using DogpileCache cache = new();
        int created = 0, latest = 0;
        long seen = 0;
        bool wasKept = false;
        while (created < 3)
        {
            // The time is taken before the call, and that of the creation after it has returned: it does not matter how long this thread is not run in between.
            long asked = Environment.TickCount64;
            int got = await cache.GetOrCreateAsync("key", _ => ValueTask.FromResult(++created), brief, Cancellation);
            if (got != latest)
                (latest, seen) = (got, Environment.TickCount64);
            else
                Assert.True(asked - seen < 3_000, $"It was served {asked - seen} ms after it had been created.");
            wasKept |= AgeHorizon.IsKept;
        }

        Assert.True(wasKept);
        await Eventually.UntilAsync(static () => !AgeHorizon.IsKept, Cancellation);
    }

    // Prevents: a moment that is taken for certain when nobody keeps it, or that has come.
    [Fact]
    public void What_is_about_to_come_is_never_certain()
    {
        long now = Environment.TickCount64 * TimeSpan.TicksPerMillisecond;
        Assert.False(AgeHorizon.IsBefore(now));
        Assert.False(AgeHorizon.IsBefore(long.MinValue));
        Assert.True(new AgeClock(TimeProvider.System).IsBefore(now + TimeSpan.TicksPerMinute));
        Assert.False(new AgeClock(TimeProvider.System).IsBefore(now));
    }
}
