using System.Globalization;
using System.Text;
using Sluice.Cli.Tests.Sessions;
using Sluice.Harness;

namespace Sluice.Cli.Tests.Tool;

public sealed class IngestProcessTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_log_becomes_sessions_and_a_summary_and_0()
    {
        string log = Write("access.log", Log(300)), sessions = _folder["visits.jsonl"];
        ToolRun run = await SluiceProcess.RunAsync("ingest", log, "--out", sessions);
        Assert.Equal((0, ""), (run.ExitCode, run.Sessions));
        foreach (string part in new[] { "events", "300", "malformed lines", "sessions", "distinct keys", "updates per write", "events per second", "peak memory", "conservation", "exact" })
            Assert.Contains(part, run.Said, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', run.Said);
        TestRun.AssertSame(Expected(Log(300)), TestRun.Read(await File.ReadAllTextAsync(sessions, TestContext.Current.CancellationToken)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Standard_input_is_read_plain_or_compressed_and_sessions_go_to_standard_output(bool compressed)
    {
        byte[] input = compressed ? SluiceProcess.Gzip(Log(300)) : Encoding.UTF8.GetBytes(Log(300));
        ToolRun run = await SluiceProcess.RunAsync(input, "ingest", "-", "--workers", "2", "--quiet");
        Assert.Equal((0, ""), (run.ExitCode, run.Said));
        TestRun.AssertSame(Expected(Log(300)), TestRun.Read(run.Sessions));
    }

    [Fact]
    public async Task Json_lines_are_read_with_a_mapping()
    {
        string json = """
            {"who":"a","when":"2020-01-01T00:00:00Z","page":"/1","code":200,"n":10,"team":"red"}
            {"who":"b","when":1577836801,"page":"/2","code":"404","n":"5","team":"red"}
            """;
        ToolRun run = await SluiceProcess.RunAsync(
            Encoding.UTF8.GetBytes(json), "ingest", "-", "--format", "json", "--map", "client=who,time=when,path=page,status=code,bytes=n", "--key", "team");
        SimpleSession session = Assert.Single(TestRun.Read(run.Sessions));
        Assert.Equal("red 2 15 1 2020-01-01T00:00:00 2020-01-01T00:00:01 /2 /1", session.Exact);
        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public async Task The_sample_needs_no_file_and_is_the_log_that_the_sample_command_writes()
    {
        string sessions = _folder["a.jsonl"], again = _folder["b.jsonl"];
        ToolRun direct = await SluiceProcess.RunAsync("ingest", "--sample", "--seed", "5", "--lines", "3000", "--out", sessions);
        ToolRun log = await SluiceProcess.RunAsync("sample", "--seed", "5", "--lines", "3k");
        ToolRun piped = await SluiceProcess.RunAsync(Encoding.UTF8.GetBytes(log.Said + "\n"), "ingest", "--out", again);
        Assert.Equal((0, 0, 0), (direct.ExitCode, log.ExitCode, piped.ExitCode));
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        TestRun.AssertSame(Expected(log.Said), TestRun.Read(await File.ReadAllTextAsync(sessions, cancellation)));
        TestRun.AssertSame(Expected(log.Said), TestRun.Read(await File.ReadAllTextAsync(again, cancellation)));
    }

    [Theory]
    [InlineData("--soft '30' is not valid", "ingest", "--sample", "--soft", "30")]
    [InlineData("--hard 'soon' is not valid", "ingest", "--sample", "--hard", "soon")]
    [InlineData("--capacity '0' is not valid: give a number from 1 to", "ingest", "--sample", "--capacity", "0")]
    [InlineData("--workers '1000' is not valid: give a number from 1 to", "ingest", "--sample", "--workers", "1000")]
    [InlineData("--lines 'x' is not valid", "ingest", "--sample", "--lines", "x")]
    [InlineData("--clock 'sun' is not valid: give log or wall", "ingest", "--sample", "--clock", "sun")]
    [InlineData("--format 'xml' is not valid: give combined or json", "ingest", "--sample", "--format", "xml")]
    [InlineData("--key 'shoe' is not valid", "ingest", "-", "--key", "shoe")]
    [InlineData("--map 'x=y' is not valid: 'x' is not a field", "ingest", "-", "--format", "json", "--map", "x=y")]
    [InlineData("--map 'client=a' needs --format json", "ingest", "-", "--map", "client=a")]
    [InlineData("--sample makes its own log", "ingest", "--sample", "some.log")]
    [InlineData("--sample makes a log in the combined format", "ingest", "--sample", "--format", "json")]
    [InlineData("--seed is for --sample only", "ingest", "-", "--seed", "3")]
    [InlineData("'-' is given twice", "ingest", "-", "-")]
    [InlineData("--out '/no/such/folder/x' cannot be written", "ingest", "--sample", "--out", "/no/such/folder/x")]
    [InlineData("'--nonsense'", "ingest", "--sample", "--nonsense")]
    [InlineData("sluice --help", "nonsense")]
    public async Task Bad_arguments_end_with_2_and_name_the_option_the_value_and_what_is_accepted(string says, params string[] arguments)
    {
        ToolRun run = await SluiceProcess.RunAsync(arguments);
        Assert.Contains(says, run.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Said, StringComparison.Ordinal);
        Assert.Equal((2, ""), (run.ExitCode, run.Sessions));
    }

    [Theory]
    [InlineData("--help", "ingest")]
    [InlineData("--version", "0.1.0")]
    public async Task Help_and_version_end_with_0(string argument, string says)
    {
        ToolRun run = await SluiceProcess.RunAsync(argument);
        Assert.Contains(says, run.Said, StringComparison.Ordinal);
        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public async Task A_missing_file_ends_with_3_and_the_others_are_read()
    {
        string log = Write("access.log", Log(10));
        ToolRun run = await SluiceProcess.RunAsync("ingest", _folder["missing.log"], log);
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("missing.log: there is no such file", run.Said, StringComparison.Ordinal);
        TestRun.AssertSame(Expected(Log(10)), TestRun.Read(run.Sessions));
    }

    [Theory]
    [InlineData(true, "the gzip data ends early")]
    [InlineData(false, "the gzip data is damaged")]
    public async Task A_bad_gzip_ends_with_3_and_what_was_read_is_completed(bool cut, string says)
    {
        byte[] whole = SluiceProcess.Gzip(Log(20_000));
        byte[] bad = cut ? whole[..(whole.Length / 2)] : whole;
        if (!cut)
            bad[whole.Length / 2] ^= 0x40;
        await File.WriteAllBytesAsync(_folder["bad.gz"], bad, TestContext.Current.CancellationToken);
        ToolRun run = await SluiceProcess.RunAsync("ingest", _folder["bad.gz"], "--quiet");
        Assert.Equal(3, run.ExitCode);
        Assert.Contains(says, run.Said, StringComparison.Ordinal);

        // Of a cut-off file everything before the cut is certain.
        long hits = TestRun.Read(run.Sessions).Sum(static session => session.Hits);
        Assert.InRange(hits, 1_000, 19_999);
        if (cut)
            TestRun.AssertSame(Expected(string.Join('\n', Log(20_000).Split('\n').Take((int)hits))), TestRun.Read(run.Sessions));
    }

    [Theory]
    [InlineData("zstd", new byte[] { 0x28, 0xB5, 0x2F, 0xFD, 0, 0, 0, 0 })]
    [InlineData("xz", new byte[] { 0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0, 0 })]
    [InlineData("bzip2", new byte[] { 0x42, 0x5A, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26 })]
    public async Task Other_compressions_are_named_and_not_read_as_text(string name, byte[] head)
    {
        await File.WriteAllBytesAsync(_folder["log"], head, TestContext.Current.CancellationToken);
        ToolRun run = await SluiceProcess.RunAsync("ingest", _folder["log"], "--quiet");
        Assert.Equal(3, run.ExitCode);
        Assert.Contains($"compressed with {name}", run.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_is_not_a_log()
    {
        ToolRun run = await SluiceProcess.RunAsync("ingest", _folder.Path, "--quiet");
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("directory", run.Said, StringComparison.Ordinal);
    }

    // Deployments stop processes; a tool that loses what it holds then could not be left running.
    [Fact]
    public async Task SIGTERM_stops_reading_and_completes_what_was_read()
    {
        await using ProcessHost process = SluiceProcess.Start("ingest", "-");
        await process.StandardInput.WriteAsync(Log(300) + "late - - [02/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n");
        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);

        // The last line ends all sessions before it: when they are out, all lines have been read, and the input is still open.
        for (long hits = 0; hits < 300;)
            hits += TestRun.Read((await process.ReadLineWithAsync("{", TestContext.Current.CancellationToken))!).Sum(static session => session.Hits);
        process.Terminate();
        ToolRun run = await SluiceProcess.EndAsync(process);
        Assert.Equal(130, run.ExitCode);
        Assert.Contains("exact", run.Said, StringComparison.Ordinal);
        Assert.Equal(301, TestRun.Read(run.Sessions).Sum(static session => session.Hits));
    }

    // The offset of a file that standard output was redirected to belongs to the shell's next command too.
    [Fact]
    public async Task What_the_shell_writes_next_comes_next()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs a shell");
        string tool = $"dotnet exec '{Path.Combine(AppContext.BaseDirectory, "Sluice.Cli.dll")}'", file = _folder["all.txt"];
        await using ProcessHost process = ProcessHost.Start("bash", ["-c", $"(echo before; {tool} ingest --sample --lines 500 --quiet; echo after) > '{file}'"]);
        await SluiceProcess.EndAsync(process);
        string[] lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
        Assert.Equal(("before", "after"), (lines[0], lines[^1]));
        Assert.Equal(500, TestRun.Read(string.Join('\n', lines[1..^1])).Sum(static session => session.Hits));
    }

    // sluice ingest | head: whoever reads has had enough, and what was not read is not claimed to have been written.
    [Fact]
    public async Task A_closed_output_ends_with_1_and_says_so()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs a shell");
        string command = $"dotnet exec '{Path.Combine(AppContext.BaseDirectory, "Sluice.Cli.dll")}' ingest --sample --lines 50k --quiet | head -1; exit ${{PIPESTATUS[0]}}";
        await using ProcessHost process = ProcessHost.Start("bash", ["-c", command]);
        ToolRun run = await SluiceProcess.EndAsync(process);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("cannot write the output", run.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Said, StringComparison.Ordinal);
    }

    // Terminal codes would end up in log files and mails.
    [Fact]
    public async Task Malformed_lines_are_shown_with_their_numbers_and_cannot_drive_a_terminal()
    {
        string log = Write("access.log", Log(3) + "bad \e[31mline\n" + Log(1));
        ToolRun run = await SluiceProcess.RunAsync("ingest", log);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("line 4 no time: bad \\x1B[31mline", run.Said, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', run.Said);
    }

    [Fact]
    public async Task Json_read_as_combined_gets_a_hint()
    {
        ToolRun run = await SluiceProcess.RunAsync("{\"client\":\"a\",\"time\":0}\n"u8.ToArray(), "ingest");
        Assert.Contains("try --format json", run.Said, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder[name], text);
        return _folder[name];
    }

    private static List<SimpleSession> Expected(string log) =>
        SimpleSessioniser.Sessions(LogHit.ReadAll(log.Split('\n')), TimeSpan.FromMinutes(30), null);

    private static string Log(int lines)
    {
        StringBuilder log = new();
        DateTime time = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        for (int i = 0; i < lines; i++)
        {
            string stamp = time.AddSeconds(i * 17).ToString("dd/MMM/yyyy:HH:mm:ss", CultureInfo.InvariantCulture);
            log.Append(CultureInfo.InvariantCulture, $"10.0.{i * 7919 % 23}.1 - - [{stamp} +0000] \"GET /{i % 41} HTTP/1.1\" {(i % 9 == 0 ? 500 : 200)} {i * 31 % 1000}\n");
        }

        return log.ToString();
    }
}
