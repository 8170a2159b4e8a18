using System.Collections.Concurrent;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Dogpiling;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Random schedules of callers, cancellations, ends of creations and time.</summary>
public sealed class ScheduleTests
{
    private static readonly TimeSpan Expiry = TimeSpan.FromSeconds(10);

    /// <summary>Steps are numbers, so that a failing schedule shrinks to the few steps that matter.</summary>
    private static readonly Arbitrary<int[]> Schedules = Arb.From(Gen.Choose(0, (1 << 20) - 1).ArrayOf().Resize(60), Shorter);

    // Never two creators at once, never a value older than allowed, never a wait without a creator.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_schedule_keeps_the_promises(bool withWriter) =>
        Prop.ForAll(Schedules, schedule => RunAsync(schedule, withWriter).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(400).WithReplay(20261, 3));

    // A thread may pause between the readings of the two clocks; what it publishes must not outlive the creation time that it shows.
    [Fact]
    public async Task A_pause_while_a_value_is_published_does_not_lengthen_its_life()
    {
        PausingTimeProvider time = new();
        Dogpile<int> dogpile = new(new DogpileOptions { Expiry = Expiry, TimeProvider = time });
        time.PauseAfterNextReading = TimeSpan.FromSeconds(9);
        using (DogpileScope<int> first = await dogpile.AcquireAsync(static _ => ValueTask.FromResult(1), TestContext.Current.CancellationToken))
            Assert.Equal(DogpileOutcome.Created, first.Outcome);
        time.Clock.Advance(TimeSpan.FromSeconds(2));

        using DogpileScope<int> second = await dogpile.AcquireAsync(static _ => ValueTask.FromResult(2), TestContext.Current.CancellationToken);

        Assert.True(second.Outcome == DogpileOutcome.Created || time.GetUtcNow() - second.CreatedAt < Expiry, $"{second.Outcome}, {time.GetUtcNow() - second.CreatedAt} old");
    }

    private static IEnumerable<int[]> Shorter(int[] schedule)
    {
        for (int part = schedule.Length / 2; part > 0; part /= 2)
        {
            for (int at = 0; at < schedule.Length; at += part)
                yield return [.. schedule[..at], .. schedule[Math.Min(at + part, schedule.Length)..]];
        }
    }

    private static async Task RunAsync(int[] schedule, bool withWriter)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        HandDrivenTimeProvider time = new();
        HandDrivenCreator creator = new();
        DogpileOptions options = new() { Expiry = Expiry, TimeProvider = time };
        Dogpile<int> plain = new(options);
        SyncReaderDogpile<int> synced = new(options);
        int inside = 0;
        ConcurrentBag<int> stale = [];
        List<(Task Call, CancellationTokenSource Cancellation)> callers = [];
        foreach (int step in schedule)
        {
            int argument = step >> 3;
            switch (step % 8)
            {
                case 0 or 1 or 2:
                    CancellationTokenSource cancellation = new();
                    callers.Add((CallAsync(cancellation.Token), cancellation));
                    break;
                case 3 when callers.Count > 0:
                    await callers[argument % callers.Count].Cancellation.CancelAsync();
                    break;
                case 4 or 5:
                    End(creator.TryNext(), argument % 4);
                    break;
                case 6:
                    time.Advance(TimeSpan.FromSeconds(argument % 8));
                    break;
                default:
                    await Task.Yield();
                    break;
            }
        }

        // Whoever still waits must be waiting for a creation that has begun: ending those must be enough.
        Task all = Task.WhenAll(callers.Select(caller => caller.Call));
        while (!all.IsCompleted)
        {
            using CancellationTokenSource done = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
            Task<HandDrivenCreator.Begun> next = creator.NextAsync(done.Token).AsTask();
            if (await Task.WhenAny(all, next) == next)
                End(await next, 0);
            await done.CancelAsync();
            if (next.IsCompletedSuccessfully)
                End(next.Result, 0);
            else
                await next.ContinueWith(static _ => { }, TaskScheduler.Default);
        }

        await all;

        // What everybody has left may still be running, in its write phase perhaps.
        End(creator.TryNext(), 0);
        if (synced.InFlight is Creation<Snapshot<int>> abandoned)
            await abandoned.WaitForEndAsync(limit.Token);
        Assert.InRange(creator.MostAtOnce, 0, 1);

        // Checked at the end: the place of a creation is taken a moment before its creator is called, and an old value may be had in between.
        Assert.All(stale, value => Assert.True(creator.Calls > value, "The old value was taken although nobody creates the next one."));
        Assert.Equal((0, false, 0, 0), synced.Readers.State);
        foreach ((_, CancellationTokenSource cancellation) in callers)
            cancellation.Dispose();

        async Task CallAsync(CancellationToken cancellation)
        {
            DateTimeOffset began = time.GetUtcNow();
            try
            {
                using DogpileScope<int> scope = withWriter
                    ? await synced.AcquireAsync(CreateAndSwapAsync, cancellation)
                    : await plain.AcquireAsync(creator.CreateAsync, cancellation);
                int readers = Interlocked.Increment(ref inside);
                Assert.True(readers > 0, "A reader is inside while somebody writes.");
                switch (scope.Outcome)
                {
                    case DogpileOutcome.Current:
                        // Young enough at some moment between the question and now; time may have gone on since.
                        Assert.True(began - scope.CreatedAt < Expiry, $"asked at {began:T}, created at {scope.CreatedAt:T}");
                        break;
                    case DogpileOutcome.Stale:
                        stale.Add(scope.Value);
                        break;
                    default:
                        Assert.True(scope.CreatedAt >= began, "Waited, and got a value that was there before.");
                        break;
                }

                if (withWriter)
                    await Task.Yield();
                Interlocked.Decrement(ref inside);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                // gave up
            }
            catch (TimeZoneNotFoundException)
            {
                // the creation it waited for failed
            }
        }

        async ValueTask<int> CreateAndSwapAsync(WritePhase write, CancellationToken token)
        {
            int value = await creator.CreateAsync(token);
            await write.EnterAsync(token);
            Assert.Equal(0, Interlocked.CompareExchange(ref inside, -1000, 0));
            await Task.Yield();
            Interlocked.Add(ref inside, 1000);
            return value;
        }
    }

    private static void End(HandDrivenCreator.Begun? begun, int how)
    {
        if (begun is null)
            return;
        if (begun.Token.IsCancellationRequested && how % 2 == 1)
            begun.Outcome.TrySetCanceled(begun.Token);
        else if (how == 3)
            begun.Outcome.TrySetException(new TimeZoneNotFoundException());
        else
            begun.Outcome.TrySetResult(begun.Number);
    }

    /// <summary>Time goes by right after the wall clock was read.</summary>
    private sealed class PausingTimeProvider : TimeProvider
    {
        public HandDrivenTimeProvider Clock { get; } = new();

        public TimeSpan PauseAfterNextReading { get; set; }

        public override long TimestampFrequency => Clock.TimestampFrequency;

        public override long GetTimestamp() => Clock.GetTimestamp();

        public override DateTimeOffset GetUtcNow()
        {
            DateTimeOffset now = Clock.GetUtcNow();
            Clock.Advance(PauseAfterNextReading);
            PauseAfterNextReading = TimeSpan.Zero;
            return now;
        }
    }
}
