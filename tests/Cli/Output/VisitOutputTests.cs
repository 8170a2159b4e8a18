using System.Text;
using Sluice.Cli.Output;
using Sluice.Cli.Sessions;

namespace Sluice.Cli.Tests.Output;

public sealed class VisitOutputTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("sluice-output-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_session_is_one_line_with_its_fields_in_order()
    {
        MemoryStream stream = new();
        using VisitOutput output = VisitOutput.ToStream(stream);
        output.Write(Visit("10.0.0.1", 1) with { LastPages = ["/b?x=1&y=2", "/ä\u0001\""] });
        await output.FinishAsync();
        Assert.Equal(
            """
            {"key":"10.0.0.1","generation":1,"idempotencyKey":"10.0.0.1@1","fencingToken":11,"hits":3,"bytes":1000,"errors":1,"firstSeen":"2015-05-17T10:05:03Z","lastSeen":"2015-05-17T10:06:00.5Z","lastPages":["/b?x=1&y=2","/ä\u0001\""],"distinctPages":2,"reason":"idle"}

            """,
            Encoding.UTF8.GetString(stream.ToArray()));
    }

    [Fact]
    public async Task What_is_read_back_is_what_was_written_however_it_is_cut()
    {
        MemoryStream stream = new();
        using VisitOutput output = VisitOutput.ToStream(stream);
        for (int i = 0; i < 1000; i++)
            output.Write(Visit($"key {i % 100}", i) with { Reason = i % 10 == 0 ? CompletionReason.Evicted : CompletionReason.Idle });
        WrittenVisits written = await output.FinishAsync();
        foreach (int piece in new[] { 1, 7, 300, 1 << 20 })
        {
            Assert.Equal((1000, 100, 100, 0), (written.Sessions, written.DistinctKeys, written.Evicted, written.Unreadable));
            Assert.Equal(new VisitTotals(3000, 1_000_000, 1000), written.Totals);
            written = new WrittenVisits();
            foreach (byte[] part in stream.ToArray().Chunk(piece))
                written.Read(part);
            written.Finish();
        }
    }

    [Theory]
    [InlineData("not json\n")]
    [InlineData("{}\n")]
    [InlineData("[1]\n")]
    [InlineData("\n")]
    [InlineData("{\"key\":\"a\",\"hits\":1,\"bytes\":2,\"errors\":0}")]
    [InlineData("{\"key\":\"a\",\"hits\":1.5,\"bytes\":2,\"errors\":0}\n")]
    [InlineData("{\"key\":7,\"hits\":1,\"bytes\":2,\"errors\":0}\n")]
    [InlineData("{\"key\":\"a\",\"hits\":1,\"bytes\":2}\n")]
    public void A_line_that_is_not_a_whole_session_is_not_counted_as_one(string text)
    {
        WrittenVisits written = new();
        written.Read(Encoding.UTF8.GetBytes(text));
        written.Finish();
        Assert.Equal((0, 1), (written.Sessions, written.Unreadable));
    }

    // A reader that takes a half-written file for a whole one would miss sessions without knowing.
    [Fact]
    public async Task A_file_appears_under_its_name_only_when_it_is_whole()
    {
        string path = Path.Combine(_folder.FullName, "visits.jsonl");
        await File.WriteAllTextAsync(path, "yesterday's");
        using VisitOutput output = VisitOutput.ToFile(path);
        output.Write(Visit("a", 1));
        Assert.Equal("yesterday's", await File.ReadAllTextAsync(path));
        WrittenVisits written = await output.FinishAsync();
        Assert.Equal(1, written.Sessions);
        Assert.StartsWith("{\"key\":\"a\"", await File.ReadAllTextAsync(path), StringComparison.Ordinal);
        Assert.Equal(["visits.jsonl"], _folder.GetFiles().Select(static f => f.Name));
    }

    [Fact]
    public void Two_runs_cannot_write_one_file()
    {
        string path = Path.Combine(_folder.FullName, "visits.jsonl");
        using VisitOutput first = VisitOutput.ToFile(path);
        Assert.ThrowsAny<IOException>(() => VisitOutput.ToFile(path));
    }

    // A process that was stopped for a while finds its claims taken over, and gets the same sessions again.
    [Fact]
    public async Task A_session_that_is_handed_over_again_is_written_once()
    {
        MemoryStream stream = new();
        using VisitOutput output = VisitOutput.ToStream(stream);
        output.Write(Visit("a", 1));
        output.Write(Visit("a", 1) with { Attempt = 2, FencingToken = 99 });
        output.Write(Visit("a", 2));
        output.Write(Visit("b", 3) with { Attempt = 2 });
        Assert.Equal(3, (await output.FinishAsync()).Sessions);
    }

    // If the engine handed over one session twice as if it were new, hiding it here would hide the defect.
    [Fact]
    public async Task A_session_that_comes_twice_as_a_first_attempt_is_written_twice_and_shows()
    {
        using VisitOutput output = VisitOutput.ToStream(new MemoryStream());
        output.Write(Visit("a", 1));
        output.Write(Visit("a", 1));
        Assert.Equal(6, (await output.FinishAsync()).Totals.Hits);
    }

    [Fact]
    public async Task A_failure_to_write_is_kept_and_what_was_not_written_is_not_counted()
    {
        using VisitOutput output = VisitOutput.ToStream(new FullStream());
        output.Write(Visit("a", 1));
        WrittenVisits written = await output.FinishAsync();
        Assert.IsType<IOException>(output.Failure);
        Assert.True(output.Broken.IsCancellationRequested);
        Assert.Equal(0, written.Sessions);
    }

    private static CompletedVisit Visit(string key, long generation) => new()
    {
        Key = key,
        Generation = generation,
        IdempotencyKey = $"{key}@{generation}",
        FencingToken = generation + 10,
        Hits = 3,
        Bytes = 1000,
        Errors = 1,
        FirstSeen = new DateTimeOffset(2015, 5, 17, 12, 5, 3, TimeSpan.FromHours(2)),
        LastSeen = new DateTimeOffset(2015, 5, 17, 10, 6, 0, 500, TimeSpan.Zero),
        LastPages = ["/b", "/a"],
        DistinctPages = 2,
        Reason = CompletionReason.Idle,
        Attempt = 1,
    };

    private sealed class FullStream : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("no space is left");
    }
}
