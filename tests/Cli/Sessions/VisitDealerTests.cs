using System.Globalization;
using System.Text;
using Sluice.Cli.Input;
using Sluice.Cli.Sessions;

namespace Sluice.Cli.Tests.Sessions;

/// <summary>The dealer and its barrier, on model engines that flush at random moments.</summary>
public sealed class VisitDealerTests
{
    private static readonly TimeSpan Soft = TimeSpan.FromSeconds(30);

    public static TheoryData<int, int> SeedsAndWorkers
    {
        get
        {
            TheoryData<int, int> data = [];
            foreach (int workers in new[] { 1, 2, 4, 7 })
            {
                for (int seed = 1; seed <= 8; seed++)
                    data.Add(seed, workers);
            }

            return data;
        }
    }

    // Without the flush before the sweep, or with one clock for all workers, some of these seeds split or join sessions.
    [Theory]
    [MemberData(nameof(SeedsAndWorkers))]
    public async Task Sessions_are_the_same_for_any_number_of_workers(int seed, int workers)
    {
        string log = RandomLog(seed, 3000);
        List<SimpleSession> expected = SimpleSessioniser.Sessions(LogHit.ReadAll(log.Split('\n')), Soft, null);
        TestRun run = await TestRun.OfTextAsync(log, new ModelEngines(seed) { NoRoomOneIn = seed % 2 * 5 }, Options(Soft, null), workers);
        Assert.True(expected.Count > 100);
        TestRun.AssertSame(expected, run.Sessions);
        Assert.True(run.Result.IsConserved);
        Assert.Equal(0, run.Result.ExitCode);
    }

    [Theory]
    [InlineData(20, 60)]
    [InlineData(60, 20)]
    [InlineData(null, 45)]
    [InlineData(null, null)]
    public async Task With_one_worker_the_hard_limit_is_exact_too(int? soft, int? hard)
    {
        string log = RandomLog(99, 3000);
        (TimeSpan? softLimit, TimeSpan? hardLimit) = (Seconds(soft), Seconds(hard));
        List<SimpleSession> expected = SimpleSessioniser.Sessions(LogHit.ReadAll(log.Split('\n')), softLimit, hardLimit);
        TestRun run = await TestRun.OfTextAsync(log, new ModelEngines(), Options(softLimit, hardLimit));
        TestRun.AssertSame(expected, run.Sessions);
        static TimeSpan? Seconds(int? value) => value is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
    }

    // A barrier for every line would make four workers slower than one.
    [Fact]
    public async Task A_barrier_is_taken_only_when_a_session_ends()
    {
        ModelEngines engines = new();
        List<IVisitEngine> two = [];
        for (int i = 0; i < 2; i++)
            two.Add(await engines.StartAsync(Options(Soft, null), static _ => { }, CancellationToken.None));
        await using VisitDealer dealer = new([.. two.Select(static engine => new VisitWorker(engine))], Options(Soft, null));
        long start = new DateTime(2020, 1, 1).Ticks;
        for (int second = 0; second < 29; second++)
            await DealAsync(dealer, "a", start + (second * TimeSpan.TicksPerSecond));
        Assert.Equal(0, dealer.Barriers);
        await DealAsync(dealer, "b", start + (200 * TimeSpan.TicksPerSecond));
        Assert.Equal(1, dealer.Barriers);
        await dealer.FinishAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_worker_that_fails_ends_the_run_with_its_own_exception()
    {
        string log = RandomLog(5, 20_000);
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => TestRun.OfTextAsync(log, new ModelEngines { FailsAtMerge = 100 }, Options(Soft, null), workers: 3));
        Assert.Equal("the engine failed", failure.Message);
    }

    private static async Task DealAsync(VisitDealer dealer, string key, long ticks)
    {
        if (!dealer.Deal(Encoding.UTF8.GetBytes(key), "/"u8, 1, false, ticks, ticks))
            await dealer.SettleAsync(CancellationToken.None);
    }

    private static VisitEngineOptions Options(TimeSpan? soft, TimeSpan? hard) => new(soft, hard, 100_000, LogClock: true);

    // A few visitors, so that they meet on several workers; pauses around the soft limit; lines out of order.
    private static string RandomLog(int seed, int lines)
    {
        Random random = new(seed);
        StringBuilder log = new();
        DateTime time = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        for (int i = 0; i < lines; i++)
        {
            time = time.AddSeconds(random.Next(20) switch { 0 => random.Next(25, 36), < 8 => random.Next(3), _ => 0 });
            string stamp = time.AddSeconds(-random.Next(4)).ToString("dd/MMM/yyyy:HH:mm:ss", CultureInfo.InvariantCulture);
            log.Append(CultureInfo.InvariantCulture, $"10.0.0.{random.Next(12)} - - [{stamp} +0000] \"GET /{random.Next(30)} HTTP/1.1\" {(random.Next(9) == 0 ? 404 : 200)} {random.Next(1000)}\n");
        }

        return log.ToString();
    }
}
