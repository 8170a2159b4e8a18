using System.Xml.Linq;
using Sluice.Bench.Results;
using Sluice.Bench.Running;
using Sluice.Bench.Soaks;
using Sluice.Harness;
using Xunit;

namespace Sluice.Bench.Tests;

public sealed class ResultsTests : IDisposable
{
    private readonly StringWriter _output = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _output.Dispose();
        _folder.Dispose();
    }

    // A figure without its machine, commit and spread can't be compared with anything.
    [Fact]
    public async Task Recorded_figures_are_kept_with_what_they_depend_on()
    {
        Assert.Equal(0, await RunAsync("fixed", "--quick", "--record", "--results", _folder.Path));

        RecordedResults results = RecordedResults.Read(Path.Combine(_folder.Path, "fixed.json"));
        Assert.Equal("bench fixed --quick --record", results.Command);
        Assert.Equal(Environment.ProcessorCount, results.Machine.Cores);
        Assert.NotEmpty(results.Machine.Processor);
        Assert.NotEmpty(results.Commit);
        RecordedFigure figure = Assert.Single(results.Figures, static figure => figure.Reference is not null && figure.Variant != figure.Reference);
        Assert.Equal((0.5, ">= 0.9x", (bool?)false), (figure.Ratio!.Value, figure.Target, figure.Met));
        Assert.NotNull(figure.RatioLowerQuartile);
    }

    [Fact]
    public async Task A_chart_is_drawn_of_every_file_with_a_bar_for_every_variant()
    {
        await RunAsync("fixed", "--quick", "--record", "--results", _folder.Path);
        string charts = Path.Combine(_folder.Path, "charts");
        Assert.Equal(0, await RunAsync("charts", "--results", _folder.Path, "--out", charts));

        XElement svg = XElement.Parse(await File.ReadAllTextAsync(Path.Combine(charts, "fixed.svg"), TestContext.Current.CancellationToken));
        XNamespace space = "http://www.w3.org/2000/svg";
        Assert.Equal(2, svg.Elements(space + "rect").Count());
        Assert.Contains(svg.Elements(space + "text"), static text => text.Value.Contains("0.50x reference", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_folder_without_results_is_said_so()
    {
        using StringWriter errors = new();
        Assert.Equal(2, await new BenchProgram([], [], _output, errors).RunAsync(["charts", "--results", _folder.Path], TestContext.Current.CancellationToken));
        Assert.Contains("--record", errors.ToString(), StringComparison.Ordinal);
    }

    private Task<int> RunAsync(params string[] arguments) =>
        new BenchProgram([new Fixed()], [], _output, TextWriter.Null).RunAsync(arguments, TestContext.Current.CancellationToken);

    private sealed class Fixed : IScenario
    {
        public string Name => "fixed";

        public string Purpose => "known figures";

        public IEnumerable<BenchCase> Cases(BenchOptions options)
        {
            yield return new BenchCase("slow", 1, null, HasTarget: true, static () =>
                [new FixedVariant("sluice", [50], new Comparison("reference", Target.AtLeast(0.9))), new FixedVariant("reference", [100])]);
        }
    }
}
