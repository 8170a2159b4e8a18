namespace Sluice.Cli.Demo.Embedded;

/// <summary>What happens when nobody presses a key: each mishap that was asked for, at its share of the time. For one thread.</summary>
internal sealed class DemoTimeline
{
    private const double SleepOfLeases = 1.8;

    private readonly Queue<(double Share, Func<DemoRun, Task> Act)> _acts;
    private readonly DemoTerms _terms;
    private TimeSpan? _resumeAt;

    public DemoTimeline(DemoTerms terms, IReadOnlyList<Mishap> mishaps)
    {
        _terms = terms;
        _acts = new Queue<(double, Func<DemoRun, Task>)>(mishaps.SelectMany(Acts).OrderBy(static act => act.Share));
    }

    /// <summary>Does what is due, one thing after the other: a server that has lost writes is given the time to get them back.</summary>
    public async Task StepAsync(DemoRun run)
    {
        while (_acts.TryPeek(out (double Share, Func<DemoRun, Task> Act) next) && run.Elapsed >= _terms.Duration * next.Share && run.HasRecovered)
        {
            _acts.Dequeue();
            await next.Act(run).ConfigureAwait(false);
        }

        // Whoever was stopped sleeps for longer than its lease, however short the whole is.
        if (run.HasSleeper)
        {
            _resumeAt ??= run.Elapsed + (_terms.Lease * SleepOfLeases);
            if (run.Elapsed >= _resumeAt)
                run.PauseOrResume();
        }
        else
        {
            _resumeAt = null;
        }
    }

    /// <summary>Whether everything has happened that was asked for.</summary>
    public bool IsOver => _acts.Count == 0 && _resumeAt is null;

    private static IEnumerable<(double Share, Func<DemoRun, Task> Act)> Acts(Mishap mishap) => mishap switch
    {
        Mishap.Disconnect => [(0.12, Do(static run => run.LoseReplies(true))), (0.24, Do(static run => run.LoseReplies(false)))],
        Mishap.Rollback => [(0.32, Do(static run => run.LoseLatestWrites()))],
        Mishap.Kill => [(0.45, static run => run.KillAsync())],
        Mishap.Sink => [(0.56, Do(static run => run.BreakSink(true))), (0.64, Do(static run => run.BreakSink(false)))],
        _ => [(0.68, Do(Pause))],
    };

    private static void Pause(DemoRun run)
    {
        if (!run.HasSleeper)
            run.PauseOrResume();
    }

    private static Func<DemoRun, Task> Do(Action<DemoRun> act) => run =>
    {
        act(run);
        return Task.CompletedTask;
    };
}
