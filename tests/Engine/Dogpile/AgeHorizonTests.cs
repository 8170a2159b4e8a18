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
        long latest = Environment.TickCount64;
        await cache.SetAsync("key", latest, brief, Cancellation);
        bool wasKept = false;
        for (int renewed = 0; renewed < 2;)
        {
            // Before the call, so that it does not matter how long this thread is not run.
            long asked = Environment.TickCount64;
            ValueTask<long> got = cache.GetOrCreateAsync("key", static _ => ValueTask.FromResult(-Environment.TickCount64), brief, Cancellation);
            long born = Math.Abs(await got);
            Assert.True(asked - born <= 3_000, $"It was served at an age of {asked - born} ms.");
            wasKept |= AgeHorizon.IsKept;
            if (born > latest)
            {
                renewed++;
                latest = born;
            }
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
