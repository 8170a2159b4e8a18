using Sluice.Cli.Tests.Tool;
using Sluice.Harness;

namespace Sluice.Cli.Tests.Workers;

/// <summary>The access log by four worker processes, one of which meets a fault: the short form of <c>eng/soak redis-workers</c>.</summary>
public sealed class WorkerLossTests(SharedRedisServer shared)
{
    // A line that was flushed and not acknowledged in time would be counted twice, or a session be completed twice, or what a dead process held be lost.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public Task Every_line_counts_once_although_a_worker_is_killed(int seed) => RunAsync(WorkerFault.Kill, seed);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public Task Every_line_counts_once_although_a_worker_sleeps_beyond_its_lease(int seed) => RunAsync(WorkerFault.Pause, seed);

    private async Task RunAsync(WorkerFault fault, int seed)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs signals and /proc");
        string? log = RealInput.Find("apache_access.log.gz", out string absent);
        Assert.SkipWhen(log is null, absent);
        PrivateRedisServer server = await shared.GetAsync();
        string prefix = SharedRedisServer.NewPrefix();
        WorkerLossResult result = await new WorkerLossRun(server, prefix, fault, seed, log!).RunAsync(TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper!.WriteLine(result.ToString());
        Assert.Empty(result.Findings);

        // What is left on the server is sound too.
        ToolRun doctor = await SluiceProcess.RunAsync("doctor", "--redis", server.Url, "--prefix", prefix);
        Assert.True(doctor.ExitCode == 0, doctor.Said);
    }
}
