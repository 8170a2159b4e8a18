using System.Globalization;
using Xunit;

namespace Sluice.Harness.Tests;

public sealed class ProcessHostTests
{
    private static CancellationToken GiveUp => TestContext.Current.CancellationToken;

    public ProcessHostTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals and /proc are tested on Linux only.");

    // Sent but not yet obeyed, the process would go on for a while, and the pause that a test is about would not be one.
    [Fact]
    public async Task A_suspended_process_has_stopped_when_the_call_returns_and_goes_on_when_resumed()
    {
        await using ProcessHost echo = Shell("while read line; do echo \"got $line\"; done");
        await echo.StandardInput.WriteLineAsync("1");
        Assert.Equal("got 1", await echo.ReadLineAsync(GiveUp));

        echo.Suspend();
        Assert.Equal('T', StateOf(echo.Id));
        await echo.StandardInput.WriteLineAsync("2");
        echo.Resume();

        Assert.Equal("got 2", await echo.ReadLineAsync(GiveUp));
    }

    // A kill that let handlers run would test shutdown, not a crash.
    [Fact]
    public async Task A_killed_process_says_nothing_more()
    {
        await using ProcessHost process = Shell("trap 'echo farewell' EXIT TERM; echo up; while read line; do :; done");
        await process.ReadLineWithAsync("up", GiveUp);

        process.Kill();

        Assert.Equal(128 + 9, await process.ExitCode);
        Assert.Null(await process.ReadLineAsync(GiveUp));
    }

    [Fact]
    public async Task A_terminated_process_may_end_in_its_own_way()
    {
        await using ProcessHost process = Shell("trap 'echo farewell; exit 7' TERM; echo up; while :; do read line; done");
        await process.ReadLineWithAsync("up", GiveUp);

        process.Terminate();

        Assert.Equal("farewell", await process.ReadLineWithAsync("farewell", GiveUp));
        process.StandardInput.Close();
        Assert.Equal(7, await process.ExitCode);
    }

    // A test that fails half-way must not leave servers behind, suspended or not, nor what they started.
    [Fact]
    public async Task Disposal_kills_a_suspended_process_and_its_children()
    {
        int child;
        ProcessHost process;
        await using (process = Shell("sleep 1000 & echo $!; wait"))
        {
            child = int.Parse((await process.ReadLineAsync(GiveUp))!, CultureInfo.InvariantCulture);
            Assert.Contains(process, ProcessHost.Live);
            process.Suspend();
        }

        Assert.True(SpinWait.SpinUntil(() => IsGone(process.Id) && IsGone(child), TimeSpan.FromSeconds(10)));
        Assert.DoesNotContain(process, ProcessHost.Live);
    }

    // "Timed out" tells nobody why the server did not come up; its own words do.
    [Fact]
    public async Task A_line_that_never_comes_fails_with_everything_the_process_said()
    {
        await using ProcessHost process = Shell("echo one; echo two >&2; exit 3");

        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(() => process.ReadLineWithAsync("three", GiveUp));

        Assert.Contains("status 3", failure.Message, StringComparison.Ordinal);
        Assert.Contains("one", failure.Message, StringComparison.Ordinal);
        Assert.Contains("two", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Arguments_and_environment_arrive_as_they_were_given()
    {
        await using ProcessHost process = ProcessHost.Start(
            "/bin/sh",
            ["-c", "echo \"$1|$ADDED|${HOME-none}\"", "sh", "two words; 'quoted'"],
            new Dictionary<string, string?> { ["ADDED"] = "yes", ["HOME"] = null });

        Assert.Equal("two words; 'quoted'|yes|none", await process.ReadLineAsync(GiveUp));
    }

    private static ProcessHost Shell(string script) => ProcessHost.Start("/bin/sh", ["-c", script]);

    private static char StateOf(int processId)
    {
        string stat = File.ReadAllText($"/proc/{processId}/stat");
        return stat[stat.LastIndexOf(')') + 2];
    }

    // An orphan's body may stay a zombie where the container's first process buries nobody.
    private static bool IsGone(int processId) => !Directory.Exists($"/proc/{processId}") || StateOf(processId) is 'Z' or 'X';
}
