using System.Globalization;
using Sluice.Fuzz.Targets;
using Sluice.Harness;
using Xunit;

namespace Sluice.Resp.Tests.Fuzzing;

/// <summary>The fuzzer itself, as fuzz/run runs it: a fuzzer that finds nothing is only worth something if it can find.</summary>
public sealed class FuzzEngineTests(ITestOutputHelper output)
{
    // A tenth of that is usual, and the same seed and build make the same executions.
    private const long MostExecutions = 3_000_000;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    // Instrumentation that reports nothing, or a loop that keeps nothing, would look like a parser without bugs.
    [Fact]
    public async Task It_finds_a_planted_bug_from_nothing_by_the_coverage_of_the_instrumented_parser()
    {
        using TemporaryFolder folder = new();
        string fuzzer = await InstrumentAsync(folder.Path);

        (int status, string said) = await FuzzAsync(fuzzer, folder.Path, PlantedTarget.TargetName, MostExecutions);

        Assert.True(status == 1, said);
        Assert.Contains($"executions: {PlantedTarget.Rule}", said, StringComparison.Ordinal);
        string[] inputs = Directory.GetFiles(Path.Combine(folder.Path, "work", "findings"), "*.resp");
        byte[] input = await File.ReadAllBytesAsync(Assert.Single(inputs), Stop);
        output.WriteLine($"{said}\n{System.Text.Encoding.Latin1.GetString(input)}");
        // Shrunk to what matters, and true of the parser that was not instrumented.
        Assert.InRange(input.Length, 1, 100);
        Assert.Equal(PlantedTarget.Rule, Assert.Throws<OracleException>(() => new PlantedTarget().Run(input, thorough: false)).Rule);
    }

    [Fact]
    public async Task It_finds_nothing_in_the_parser_within_some_thousand_executions_of_each_target()
    {
        using TemporaryFolder folder = new();
        string fuzzer = await InstrumentAsync(folder.Path);

        (int status, string said) = await FuzzAsync(fuzzer, folder.Path, "all", 4000, Path.Combine(AppContext.BaseDirectory, "fuzz", "corpus"));

        Assert.True(status == 0, said);
        foreach (FuzzTarget target in FuzzTarget.All())
            Assert.Contains($"{target.Name}: begins with", said, StringComparison.Ordinal);
    }

    // Without the instrumented assembly it would fuzz blindly and say that all is well.
    [Fact]
    public async Task It_refuses_to_run_blindly()
    {
        using TemporaryFolder folder = new();
        (int status, string said) = await FuzzAsync(Built(), folder.Path, "scanner", 100);
        Assert.NotEqual(0, status);
        Assert.Contains("it is not the instrumented assembly that runs", said, StringComparison.Ordinal);
    }

    /// <returns>The fuzzer beside an instrumented parser.</returns>
    private static async Task<string> InstrumentAsync(string folder)
    {
        string built = Path.GetDirectoryName(Built())!, ready = Path.Combine(folder, "bin");
        Directory.CreateDirectory(ready);
        foreach (string file in Directory.GetFiles(built))
            File.Copy(file, Path.Combine(ready, Path.GetFileName(file)));
        (int status, string said) = await RunAsync(Built(), ["instrument", Path.Combine(built, "Sluice.Resp.dll"), Path.Combine(ready, "Sluice.Resp.dll")]);
        Assert.True(status == 0, said);
        return Path.Combine(ready, Path.GetFileName(Built()));
    }

    private static Task<(int Status, string Said)> FuzzAsync(string fuzzer, string folder, string target, long executions, string seeds = "") => RunAsync(
        fuzzer,
        ["fuzz", "--target", target, "--executions", executions.ToString(CultureInfo.InvariantCulture), "--minutes", "10", "--seed", "3", "--stop-at-finding", "true", "--seeds", seeds, "--work", Path.Combine(folder, "work")]);

    private static async Task<(int Status, string Said)> RunAsync(string fuzzer, string[] arguments)
    {
        await using ProcessHost process = ProcessHost.StartDotnet(fuzzer, arguments);
        int status = await process.ExitCode.WaitAsync(Stop);
        return (status, process.Transcript);
    }

    private static string Built()
    {
        DirectoryInfo output = new(AppContext.BaseDirectory);
        string framework = output.Name, configuration = output.Parent!.Name;
        DirectoryInfo? root = output;
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Engine.sln")))
            root = root.Parent;
        return Path.Combine(root!.FullName, "fuzz", "bin", configuration, framework, "Sluice.Fuzz.dll");
    }
}
