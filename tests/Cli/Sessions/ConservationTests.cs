using Sluice.Cli.Input;
using Sluice.Cli.Sessions;

namespace Sluice.Cli.Tests.Sessions;

public sealed class ConservationTests
{
    private const string Log =
        """
        a - - [01/Jan/2020:00:00:00 +0000] "GET /1 HTTP/1.1" 200 100
        b - - [01/Jan/2020:00:00:01 +0000] "GET /2 HTTP/1.1" 404 10
        nonsense

        a - - [01/Jan/2020:00:00:02 +0000] "GET /3 HTTP/1.1" 200 1
        """;

    private static readonly VisitEngineOptions Options = new(TimeSpan.FromMinutes(30), null, 1000, LogClock: true);

    // The line is worth nothing if it cannot say no.
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 0, 1)]
    [InlineData(0, 2, 1)]
    public async Task A_lost_or_repeated_session_is_seen(long loses, long repeats, int exitCode)
    {
        TestRun run = await TestRun.OfTextAsync(Log, new ModelEngines { Loses = loses, Repeats = repeats }, Options);
        Assert.Equal(exitCode, run.Result.ExitCode);
        Assert.Equal(exitCode == 0, run.Result.IsConserved);
    }

    [Fact]
    public async Task Lines_are_counted_and_the_malformed_ones_are_shown_with_their_numbers()
    {
        IngestCounters counters = (await TestRun.OfTextAsync(Log, new ModelEngines(), Options)).Result.Counters;
        Assert.Equal((3, 1), (counters.Events, counters.Malformed));
        Assert.Equal(new MalformedLine("text", 3, Malformation.NoClient, "nonsense"), Assert.Single(counters.FirstMalformed));
        Assert.Equal((3, 111, 1), ((int)counters.Totals.Hits, (int)counters.Totals.Bytes, (int)counters.Totals.Errors));
    }

    [Fact]
    public async Task An_input_that_cannot_be_read_does_not_keep_the_others_from_being_read()
    {
        LogInput missing = LogInput.File(Path.Combine(Path.GetTempPath(), "sluice-there-is-no-such-file"));
        LogInput text = new("text", null, static () => new MemoryStream(System.Text.Encoding.UTF8.GetBytes(Log)));
        TestRun run = await TestRun.RunAsync([missing, text], new ModelEngines(), Options, 1, KeyField.Client);
        Assert.Equal("there is no such file", Assert.Single(run.Result.Unreadable).Reason);
        Assert.Equal(2, run.Sessions.Count);
        Assert.Equal(ExitCode.UnreadableInput, run.Result.ExitCode);
    }

    [Fact]
    public async Task A_run_that_is_stopped_completes_what_it_has_read()
    {
        using CancellationTokenSource stop = new();
        LogInput endless = new("endless", null, () => new EndlessStream(stop));
        TestRun run = await TestRun.RunAsync([endless], new ModelEngines(), Options, 2, KeyField.Client, stop.Token);
        Assert.True(run.Result is { Stopped: true, IsConserved: true, Counters.Events: > 1000 });
        Assert.Equal(ExitCode.Interrupted, run.Result.ExitCode);
    }

    private sealed class EndlessStream(CancellationTokenSource stop) : ReadOnlyStream
    {
        private static readonly byte[] Line = "a - - [01/Jan/2020:00:00:00 +0000] \"GET /1 HTTP/1.1\" 200 100\n"u8.ToArray();
        private int _reads;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            if (++_reads == 10_000)
                await stop.CancelAsync();
            int count = Math.Min(Line.Length, buffer.Length);
            Line.AsSpan(0, count).CopyTo(buffer.Span);
            return count;
        }
    }
}
