using Sluice.Allocations;
using Sluice.Bench.Guard;
using Sluice.Bench.Running;
using Sluice.Harness;
using Xunit;

namespace Sluice.Bench.Tests;

public sealed class GuardTests : IDisposable
{
    private readonly StringWriter _output = new();
    private readonly TemporaryFolder _folder = new();

    private string Limits => System.IO.Path.Combine(_folder.Path, "guard.json");

    public void Dispose()
    {
        _output.Dispose();
        _folder.Dispose();
    }

    // The point of it all: a path that has become twice as slow as it was recorded.
    [Fact]
    public async Task A_path_that_has_become_twice_as_slow_is_caught()
    {
        Assert.Equal(0, await RunAsync(Paths(2_000, 2_000), "--record"));
        Assert.Equal(0, await RunAsync(Paths(2_000, 2_000)));
        Assert.Equal(1, await RunAsync(Paths(4_400, 2_000)));
        Assert.Contains("FAIL: slower than its limit", _output.ToString(), StringComparison.Ordinal);
    }

    // A machine that is busy with something else in nine turns of ten must not fail a build.
    [Fact]
    public async Task A_path_that_was_disturbed_in_most_turns_passes()
    {
        Assert.Equal(0, await RunAsync(Paths(2_000, 2_000), "--record"));
        Assert.Equal(0, await RunAsync([("work", () => new GuardedPath("work", new Work(2_000) { DisturbedTurnsOfTen = 9 }, new Work(2_000)))]));
    }

    // A path that nobody has recorded would be guarded by nothing.
    [Fact]
    public async Task A_path_without_a_limit_fails()
    {
        Assert.Equal(0, await RunAsync(Paths(1_000, 1_000), "--record"));
        Assert.Equal(1, await RunAsync([("other", Paths(1_000, 1_000)[0].Make)]));
        Assert.Contains("no limit was recorded", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limits_that_are_not_there_and_options_that_do_not_exist_are_said_so()
    {
        Assert.Contains("guard --record", (await Assert.ThrowsAsync<UsageException>(() => RunAsync(Paths(1_000, 1_000)))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<UsageException>(() => RunAsync(Paths(1_000, 1_000), "--faster"));
        await Assert.ThrowsAsync<UsageException>(() => RunAsync(Paths(1_000, 1_000), "--path", "nothing"));
        await Assert.ThrowsAsync<UsageException>(() => RunAsync(Paths(1_000, 1_000), "--path", "work", "--record"));
    }

    // What the repository's own file guards is every path there is.
    [Fact]
    public async Task Every_hot_path_has_a_recorded_limit()
    {
        GuardLimits limits = await GuardLimits.ReadAsync(System.IO.Path.Combine(AppContext.BaseDirectory, "guard.json"), TestContext.Current.CancellationToken);
        Assert.Equal(HotPaths.All.Select(static path => path.Name).Order(StringComparer.Ordinal), limits.Ratios.Keys);
        Assert.InRange(limits.Slack, 0.4, 0.9);
        Assert.NotNull(limits.Machine);
    }

    private static (string Name, Func<GuardedPath> Make)[] Paths(int product, int reference) => [("work", () => new GuardedPath("work", new Work(product), new Work(reference)))];

    private Task<int> RunAsync((string Name, Func<GuardedPath> Make)[] paths, params string[] arguments) =>
        GuardCommand.RunAsync(paths, ["--limits", Limits, .. arguments], _output, TestContext.Current.CancellationToken);

    /// <summary>Adds up numbers: so many for an operation.</summary>
    private sealed class Work(int additions) : AllocationCase
    {
        private long _sum;
        private int _turn;

        public override string Name => "work";

        /// <summary>In so many turns of ten something else has the processor.</summary>
        public int DisturbedTurnsOfTen { get; init; }

        public override void Run(int operations)
        {
            long sum = 0;
            for (int i = 0; i < operations; i++)
            {
                for (int number = 0; number < additions; number++)
                    sum += number ^ i;
            }

            if (_turn++ % 10 < DisturbedTurnsOfTen)
                Thread.Sleep(2);
            Volatile.Write(ref _sum, sum);
        }
    }
}
