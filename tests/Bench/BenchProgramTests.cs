using System.Text.Json;
using Sluice.Bench.Running;
using Sluice.Bench.Soaks;
using Xunit;

namespace Sluice.Bench.Tests;

public sealed class BenchProgramTests : IDisposable
{
    private readonly StringWriter _output = new();
    private readonly StringWriter _errors = new();

    public void Dispose()
    {
        _output.Dispose();
        _errors.Dispose();
    }

    // Scripts read these lines: a field that is renamed or a stray line breaks them silently.
    [Fact]
    public async Task Json_is_one_object_a_line_with_the_fields_of_the_contract_and_nothing_else()
    {
        int status = await RunAsync("fixed", "--quick", "--json");

        Assert.Equal(0, status);
        string[] lines = _output.ToString().TrimEnd('\n').Split('\n');
        Assert.Equal(2, lines.Length);
        JsonElement line = JsonDocument.Parse(lines[0]).RootElement;
        Assert.Equal(
            ["scenario", "case", "variant", "threads", "callers", "operations", "opsPerSecond", "p50Micros", "p99Micros", "p999Micros", "cpuMicrosPerOp",
                "serverCpuMicrosPerOp", "bytesPerOp", "reference", "ratio", "target", "met", "note"],
            line.EnumerateObject().Select(property => property.Name));
        Assert.Equal("slow", line.GetProperty("case").GetString());
        Assert.Equal(0.5, line.GetProperty("ratio").GetDouble());
        Assert.Equal(0.9, line.GetProperty("target").GetDouble());
        Assert.False(line.GetProperty("met").GetBoolean());
        Assert.Equal("reference", line.GetProperty("reference").GetString());
    }

    [Fact]
    public async Task A_missed_target_fails_the_run_only_when_targets_are_enforced()
    {
        Assert.Equal(0, await RunAsync("fixed"));
        Assert.Contains("MISSED", _output.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, await RunAsync("fixed", "--enforce"));
        Assert.Equal(0, await RunAsync("fixed", "--enforce", "--case", "untargeted"));
    }

    // --quick has 90 seconds: what no target depends on is for the long run.
    [Fact]
    public async Task A_quick_run_leaves_out_the_cases_without_a_target()
    {
        await RunAsync("fixed", "--json");
        Assert.Contains("untargeted", _output.ToString(), StringComparison.Ordinal);
        _output.GetStringBuilder().Clear();

        await RunAsync("fixed", "--json", "--quick");
        Assert.DoesNotContain("untargeted", _output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("There is no scenario 'nope'", "nope")]
    [InlineData("Name a scenario")]
    [InlineData("There is no option '--fast'", "fixed", "--fast")]
    [InlineData("--seed takes a whole number", "fixed", "--seed", "x")]
    [InlineData("--redis needs a value", "fixed", "--redis")]
    [InlineData("One scenario at a time", "fixed", "fixed")]
    [InlineData("No case of 'fixed'", "fixed", "--case", "none")]
    [InlineData("There is no soak 'nope'", "soak", "nope")]
    [InlineData("--minutes takes a number", "soak", "holds", "--minutes", "0")]
    public async Task A_wrong_command_line_says_what_is_wrong_and_ends_with_2(string complaint, params string[] arguments)
    {
        Assert.Equal(2, await RunAsync(arguments));

        Assert.Contains(complaint, _errors.ToString(), StringComparison.Ordinal);
        Assert.Empty(_output.ToString());
    }

    // A page that says "held" whatever happened is worse than none.
    [Theory]
    [InlineData("holds", 0, "**Held.**")]
    [InlineData("fails", 1, "**DID NOT HOLD.** key 7 drifted")]
    public async Task A_soak_writes_down_whether_its_claim_held_and_how_to_run_it_again(string name, int status, string verdict)
    {
        using Harness.TemporaryFolder folder = new();
        string path = folder[name + ".md"];

        Assert.Equal(status, await RunAsync("soak", name, "--minutes", "0.001", "--seed", "42", "--evidence", path));

        string page = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        Assert.Contains(verdict, page, StringComparison.Ordinal);
        Assert.Contains($"`eng/soak {name} --minutes 0.001 --seed 42`", page, StringComparison.Ordinal);
        Assert.Contains("| merges | 42 |", page, StringComparison.Ordinal);
        Assert.Contains("| commit | ", page, StringComparison.Ordinal);
        Assert.Contains($"{Environment.ProcessorCount} cores", page, StringComparison.Ordinal);
    }

    private Task<int> RunAsync(params string[] arguments)
    {
        FixedScenario scenario = new(
            new BenchCase("slow", 1, null, HasTarget: true, () =>
                [new FixedVariant("sluice", [50], new Comparison("reference", Target.AtLeast(0.9))), new FixedVariant("reference", [100])]),
            new BenchCase("untargeted", 1, null, HasTarget: false, () => [new FixedVariant("reference", [100])]));
        ISoak[] soaks = [new FixedSoak("holds", null), new FixedSoak("fails", "key 7 drifted")];
        return new BenchProgram([scenario], soaks, _output, _errors).RunAsync(arguments, TestContext.Current.CancellationToken);
    }

    private sealed class FixedSoak(string name, string? finding) : ISoak
    {
        public string Name => name;

        public string Claim => "Nothing drifts.";

        public Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken) =>
            Task.FromResult(new SoakResult(finding is null, [("merges", $"{context.Seed}")], finding));
    }
}
