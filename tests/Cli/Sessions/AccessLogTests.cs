using System.Text;
using Sluice.Cli.Input;
using Sluice.Cli.Output;
using Sluice.Cli.Sessions;

namespace Sluice.Cli.Tests.Sessions;

/// <summary>The whole tool, with real engines, on 10,000 real lines.</summary>
public sealed class AccessLogTests
{
    private const int Hits = 10_000;
    private const long Bytes = 2_747_282_740;
    private const int Errors = 220;
    private const int Clients = 1_753;

    private static readonly TimeSpan HalfHour = TimeSpan.FromMinutes(30);

    // If the tests' own reading of the log were wrong, agreeing with it would mean nothing.
    [Fact]
    public void The_log_is_what_its_description_says()
    {
        List<LogHit> hits = SharedLog.Hits();
        Assert.Equal(
            (Hits, Bytes, Errors, Clients),
            (hits.Count, hits.Sum(static hit => hit.Bytes), hits.Count(static hit => hit.Status >= 400), hits.DistinctBy(static hit => hit.Client).Count()));
        Assert.Equal(4_915, hits.Zip(hits.Skip(1)).Count(static pair => pair.Second.Time < pair.First.Time));
    }

    public static TheoryData<int, int, bool, bool> Sizes
    {
        get
        {
            TheoryData<int, int, bool, bool> data = [];
            foreach (int workers in new[] { 1, 4 })
            {
                foreach (int capacity in new[] { 100, 100_000 })
                {
                    foreach (bool logClock in new[] { true, false })
                    {
                        data.Add(workers, capacity, logClock, true);
                        data.Add(workers, capacity, logClock, false);
                    }
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task Totals_are_exact_for_any_number_of_workers_capacity_and_clock(int workers, int capacity, bool logClock, bool limited)
    {
        VisitEngineOptions options = new(limited ? HalfHour : null, limited ? TimeSpan.FromHours(6) : null, capacity, logClock);
        TestRun run = await TestRun.OfFileAsync(SharedLog.FilePath, new SluiceVisitEngines(workers), options, workers);

        VisitTotals expected = new(Hits, Bytes, Errors);
        Assert.Equal((Hits, 0), (run.Result.Counters.Events, run.Result.Counters.Malformed));
        Assert.Equal(expected, run.Result.Counters.Totals);
        Assert.Equal(expected, run.Result.Written.Totals);
        Assert.Equal((Clients, true), (run.Result.Written.DistinctKeys, run.Result.Written.DistinctKeysExact));
        Assert.Equal(0, run.Result.ExitCode);
        Assert.Empty(run.Result.Left);

        // Per visitor too: what one loses another must not win.
        Assert.Equal(PerKey(SimpleSessioniser.Sessions(SharedLog.Hits(), null, null)), PerKey(run.Sessions));
        if (!limited && capacity == 100)
            Assert.True(run.Result.Written.Evicted > 1000, "nothing was evicted, so nothing was shown");
    }

    [Theory]
    [InlineData(1, 30, null)]
    [InlineData(1, 30, 45)]
    [InlineData(1, null, 60)]
    [InlineData(1, 1, 5)]
    [InlineData(1, null, null)]
    [InlineData(4, 30, null)]
    [InlineData(4, 5, null)]
    [InlineData(4, 600, null)]
    [InlineData(4, null, null)]
    [InlineData(3, 1, null)]
    public async Task Sessions_in_log_time_are_those_of_a_simple_sessioniser(int workers, int? softMinutes, int? hardMinutes)
    {
        TimeSpan? soft = softMinutes is { } s ? TimeSpan.FromMinutes(s) : null, hard = hardMinutes is { } h ? TimeSpan.FromMinutes(h) : null;
        TestRun run = await TestRun.OfFileAsync(
            SharedLog.FilePath, new SluiceVisitEngines(workers), new VisitEngineOptions(soft, hard, 100_000, LogClock: true), workers);
        TestRun.AssertSame(SimpleSessioniser.Sessions(SharedLog.Hits(), soft, hard), run.Sessions);
        Assert.True(run.Result.IsConserved);
        Assert.Equal(0, run.Result.Written.Evicted);
    }

    [Fact]
    public async Task Sessions_can_be_kept_by_page()
    {
        TestRun run = await TestRun.OfFileAsync(
            SharedLog.FilePath, new SluiceVisitEngines(4), new VisitEngineOptions(HalfHour, null, 100_000, LogClock: true), 4, KeyField.Path);
        TestRun.AssertSame(SimpleSessioniser.Sessions(SharedLog.Hits(), HalfHour, null, static hit => KeyOf(hit.Page)), run.Sessions);

        static string KeyOf(string page) => Encoding.UTF8.GetString(KeyText.Fit(Encoding.UTF8.GetBytes(page), new byte[512]));
    }

    private static Dictionary<string, (long Hits, long Bytes, long Errors, DateTimeOffset First, DateTimeOffset Last)> PerKey(IEnumerable<SimpleSession> sessions) =>
        sessions.GroupBy(static session => session.Key).ToDictionary(
            static group => group.Key,
            static group => (
                group.Sum(static session => session.Hits), group.Sum(static session => session.Bytes), group.Sum(static session => session.Errors),
                group.Min(static session => session.FirstSeen), group.Max(static session => session.LastSeen)));
}
