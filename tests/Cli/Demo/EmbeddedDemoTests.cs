using System.Globalization;
using Sluice.Cli.Arguments;
using Sluice.Cli.Demo;
using Sluice.Cli.Demo.Embedded;
using Sluice.Cli.Tests.Tool;
using Spectre.Console;

namespace Sluice.Cli.Tests.Demo;

/// <summary><c>sluice demo</c> on the embedded coordinator: what it shows is true, and it would show the contrary.</summary>
public sealed class EmbeddedDemoTests
{
    private static readonly DemoTerms Terms = new(3, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(1), Seed: 7, RatePerWorker: 20_000);

    // The first thing that anybody runs: every mishap happens, each leaves its trace in the counters, and the totals are exact.
    [Fact]
    public async Task Totals_are_exact_whatever_happens_to_the_workers()
    {
        await using DemoRun run = await DemoRun.StartAsync(Terms);
        DemoTimeline timeline = new(Terms, MishapText.Parse(null, isEmbedded: true));
        while (run.Elapsed < Terms.Duration || !timeline.IsOver)
        {
            await timeline.StepAsync(run);
            run.Look();
            await Task.Delay(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken);
        }

        Truth truth = await run.SettleAsync();

        Assert.Equal(0, truth.DifferingPages);
        Assert.Equal(truth.Acknowledged + truth.Arrived, truth.Completed);
        Assert.True(truth.Acknowledged.Hits > 0);
        foreach (Consequence consequence in (Consequence[])[Consequence.ReplyLost, Consequence.DuplicateSuppressed, Consequence.Replayed, Consequence.Reclaimed, Consequence.Fenced])
            Assert.True(run.Mishaps[consequence] > 0, $"{consequence} has not happened");
        Assert.Single(run.Workers, static worker => worker.State == WorkerState.Killed);
    }

    // Without it the comparison would compare nothing: a server that applies what comes twice must be seen to count twice.
    [Fact]
    public async Task A_server_that_ignores_the_numbers_of_batches_counts_twice()
    {
        Truth careless = await EmbeddedDemo.CarelessAsync(Terms, TimeSpan.FromSeconds(2));

        Assert.False(careless.IsExact);
        Assert.True(careless.Completed.Hits > careless.Acknowledged.Hits, $"{careless.Completed.Hits} of {careless.Acknowledged.Hits}");
    }

    // The oracle of the demonstration: what a dead worker's server may have had is the beginning of what the worker had not heard of, and nothing else.
    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(1, 10, true)]
    [InlineData(2, 30, true)]
    [InlineData(1, 20, false)]
    [InlineData(3, 60, true)]
    [InlineData(4, 65, true)]
    [InlineData(3, 65, false)]
    [InlineData(2, 15, true)]
    [InlineData(4, 66, false)]
    [InlineData(-1, -10, false)]
    public void Only_the_beginning_of_what_died_can_have_arrived(long hits, long bytes, bool isPossible)
    {
        PageTotals[] first = [default, new(1, 10), new(2, 30), new(3, 60)];
        PageTotals[] second = [default, new(1, 5), new(2, 35)];

        Assert.Equal(isPossible, Truth.CanHaveArrived(new PageTotals(hits, bytes), [first, second]));
    }

    // A terminal of 80 columns and 24 lines is what a container's console has; a line that wraps pushes the first ones off the screen.
    [Fact]
    public async Task The_screen_fits_80_columns_and_24_lines_at_every_moment()
    {
        DemoTerms terms = Terms with { Workers = 9 };
        await using DemoRun run = await DemoRun.StartAsync(terms);
        DemoScreen screen = new(run, terms);
        foreach (Action act in (Action[])[() => run.LoseReplies(true), () => run.BreakSink(true), run.LoseLatestWrites, run.PauseOrResume])
        {
            act();
            AssertFits(screen.Draw(run.Look()));
        }

        await run.KillAsync();
        AssertFits(screen.Draw(run.Look()));
        await run.SettleAsync();
        AssertFits(screen.Draw(run.Look()));
    }

    [Fact]
    public async Task Elsewhere_than_on_a_terminal_it_writes_lines_and_ends_with_the_truth()
    {
        ToolRun run = await SluiceProcess.RunAsync("demo", "--workers", "2", "--duration", "3s", "--lease", "1s");

        Assert.Equal(ExitCode.Success, run.ExitCode);
        Assert.Contains("was killed", run.All, StringComparison.Ordinal);
        Assert.Contains("EXACT", run.All, StringComparison.Ordinal);
        Assert.Contains("without batch numbers", run.All, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', run.All);
    }

    [Theory]
    [InlineData("none", true, 0)]
    [InlineData("kill, sink", true, 2)]
    [InlineData(null, true, 5)]
    [InlineData(null, false, 3)]
    public void Mishaps_are_chosen_by_name(string? text, bool isEmbedded, int count) => Assert.Equal(count, MishapText.Parse(text, isEmbedded).Count);

    [Theory]
    [InlineData("flood", true)]
    [InlineData("rollback", false)]
    public void What_can_not_happen_is_refused(string text, bool isEmbedded) =>
        Assert.Contains(text, Assert.Throws<BadArgumentException>(() => MishapText.Parse(text, isEmbedded)).Message, StringComparison.Ordinal);

    private static void AssertFits(Spectre.Console.Rendering.IRenderable drawn)
    {
        using StringWriter text = new(CultureInfo.InvariantCulture);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = 80;
        console.Write(drawn);
        string[] lines = text.ToString().TrimEnd('\n').Split('\n');
        Assert.InRange(lines.Length, 18, 23);
        Assert.All(lines, static line => Assert.InRange(line.TrimEnd().Length, 0, 80));
        Assert.Contains("[q] end", lines[^1], StringComparison.Ordinal);
    }
}
