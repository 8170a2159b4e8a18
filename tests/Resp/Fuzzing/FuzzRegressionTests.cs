using Sluice.Fuzz.Targets;
using Sluice.Resp.Tests.Protocol;
using Xunit;

namespace Sluice.Resp.Tests.Fuzzing;

/// <summary>What fuzzing found, and what it begins with, against everything that it demands of an input. See fuzz/README.md.</summary>
public sealed class FuzzRegressionTests
{
    // Tests of one class run one after the other: they may share the targets and their memory.
    private static readonly FuzzTarget[] Targets = FuzzTarget.All();

    public static TheoryData<string> Regressions { get; } = [.. Inputs("regressions").Select(path => Path.GetFileName(path)!)];

    // A bug that was found comes back.
    [Theory]
    [MemberData(nameof(Regressions))]
    public void What_was_found_once_holds(string input) => Run(Path.Combine(Folder("regressions"), input));

    // The seeds take every edge of the parser that is known: a change that breaks an oracle shows here before anybody fuzzes.
    [Fact]
    public void Every_seed_holds()
    {
        string[] seeds = Inputs("corpus");
        Assert.True(seeds.Length > 100);
        foreach (string seed in seeds)
            Run(seed);
    }

    // Oracles that see no difference would let everything pass.
    [Theory]
    [InlineData("+OK\r\n", "+OK\r")]
    [InlineData("+OK\r\n", "-OK\r\n")]
    [InlineData("*1\r\n:1\r\n", "*1\r\n>0\r\n:1\r\n")]
    [InlineData("*1\r\n:1\r\n", "|0\r\n:1\r\n")]
    [InlineData("*1\r\n:1\r\n", "*1\r\n:x\r\n")]
    [InlineData("*1\r\n:x\r\n", "*1\r\nx")]
    public void Different_streams_are_not_taken_for_the_same(string one, string other)
    {
        using GuardedMemory memory = new();
        ScanRun first = new("first");
        ScanRun second = new("second");
        first.OverSpans(Chunkings.Bytes(one), [one.Length], RespLimits.Default, memory);
        second.OverSpans(Chunkings.Bytes(other), [other.Length], RespLimits.Default, memory);
        Assert.Throws<OracleException>(() => first.DemandSame(second));
        first.DemandSame(first);
    }

    private static void Run(string path)
    {
        byte[] input = File.ReadAllBytes(path);
        foreach (FuzzTarget target in Targets)
        {
            Exception? failure = Record.Exception(() => target.Run(input, thorough: true));
            Assert.True(failure is null, $"{target.Name}, {Path.GetFileName(path)}: {Notation.Escape(input)}\n{failure}");
        }
    }

    private static string Folder(string name) => Path.Combine(AppContext.BaseDirectory, "fuzz", name);

    private static string[] Inputs(string folder) => [.. Directory.GetFiles(Folder(folder)).Order(StringComparer.Ordinal)];
}
