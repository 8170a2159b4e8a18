using System.Globalization;
using System.Runtime.InteropServices;
using Sluice.Cli.Report;
using Spectre.Console;

namespace Sluice.Cli.Demo.Embedded;

/// <summary>
/// <c>sluice demo</c> without a server: workers share the embedded coordinator of this process while mishaps happen to them; live on a terminal, as lines elsewhere.
/// </summary>
internal static class EmbeddedDemo
{
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CarelessDuration = TimeSpan.FromSeconds(2);

    public static async Task<int> RunAsync(IAnsiConsole console, DemoTerms terms, IReadOnlyList<Mishap> mishaps, bool isLive)
    {
        using CancellationTokenSource stop = new();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        });
        DemoRun run = await DemoRun.StartAsync(terms).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            Truth truth = isLive ? await LiveAsync(console, run, terms, mishaps, stop).ConfigureAwait(false) : await PlainAsync(console, run, terms, mishaps, stop).ConfigureAwait(false);
            TruthTable.Write(console, run, truth);
            if (!stop.IsCancellationRequested)
                TruthTable.Compare(console, await CarelessAsync(terms, CarelessDuration).ConfigureAwait(false));
            return truth.IsExact ? ExitCode.Success : ExitCode.NotConserved;
        }
    }

    /// <summary>The same workers, lost replies, and a server that applies batches whatever their number.</summary>
    public static async Task<Truth> CarelessAsync(DemoTerms terms, TimeSpan duration)
    {
        DemoRun run = await DemoRun.StartAsync(terms, ignoresNumbers: true).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            run.LoseReplies(true);
            await Task.Delay(duration).ConfigureAwait(false);
            return await run.SettleAsync().ConfigureAwait(false);
        }
    }

    private static async Task<Truth> LiveAsync(IAnsiConsole console, DemoRun run, DemoTerms terms, IReadOnlyList<Mishap> mishaps, CancellationTokenSource stop)
    {
        DemoScreen screen = new(run, terms);
        Truth? truth = null;
        await console.Live(screen.Draw(run.Look())).Overflow(VerticalOverflow.Crop).StartAsync(async live =>
        {
            truth = await DriveAsync(run, terms, mishaps, view => live.UpdateTarget(screen.Draw(view)), PressAllAsync, stop.Token).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return truth!;

        async Task PressAllAsync()
        {
            while (!Console.IsInputRedirected && Console.KeyAvailable)
                await PressAsync(run, Console.ReadKey(intercept: true).KeyChar, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Lets everything happen, then settles; shows how it is at every frame.</summary>
    private static async Task<Truth> DriveAsync(
        DemoRun run, DemoTerms terms, IReadOnlyList<Mishap> mishaps, Action<DemoView> show, Func<Task> press, CancellationToken stop)
    {
        DemoTimeline timeline = new(terms, mishaps);
        while ((run.Elapsed < terms.Duration || !timeline.IsOver) && !stop.IsCancellationRequested)
        {
            await Task.Delay(Frame, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await timeline.StepAsync(run).ConfigureAwait(false);
            await press().ConfigureAwait(false);
            show(run.Look());
        }

        Task<Truth> settling = run.SettleAsync();
        while (!settling.IsCompleted)
        {
            await Task.WhenAny(settling, Task.Delay(Frame, CancellationToken.None)).ConfigureAwait(false);
            show(run.Look());
        }

        return await settling.ConfigureAwait(false);
    }

    private static async Task PressAsync(DemoRun run, char key, CancellationTokenSource stop)
    {
        switch (char.ToLowerInvariant(key))
        {
            case 'k':
                await run.KillAsync().ConfigureAwait(false);
                break;
            case 'p':
                run.PauseOrResume();
                break;
            case 'd':
                run.LoseReplies(!run.Mishaps.RepliesAreLost);
                break;
            case 's':
                run.BreakSink(!run.Mishaps.SinkIsBroken);
                break;
            case 'l':
                run.LoseLatestWrites();
                break;
            case 'q':
                await stop.CancelAsync().ConfigureAwait(false);
                break;
        }
    }

    private static Task<Truth> PlainAsync(IAnsiConsole console, DemoRun run, DemoTerms terms, IReadOnlyList<Mishap> mishaps, CancellationTokenSource stop)
    {
        console.WriteLine($"  {terms.Workers} workers on the embedded coordinator, {HumanUnits.Count(ClickStream.Pages)} keys zipf 1.0, seed {terms.Seed}");
        int told = 0;
        double next = 1;
        return DriveAsync(run, terms, mishaps, Show, static () => Task.CompletedTask, stop.Token);

        void Show(DemoView view)
        {
            foreach ((TimeSpan at, string text) in run.Log.Skip(told))
            {
                console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{at.TotalSeconds,7:0.0} s  {text}"));
                told++;
            }

            if (view.Elapsed.TotalSeconds < next || run.IsSettling)
                return;
            next++;
            console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{view.Elapsed.TotalSeconds,7:0.0} s  {HumanUnits.Count(view.Merged),12} events  {HumanUnits.Count(view.Sessions),8} sessions completed  {(double)view.Merged / Math.Max(view.Writes, 1),6:0.0} events per write  {HumanUnits.Count(view.Workers.Sum(static worker => worker.References))} references"));
        }
    }
}
