using System.Text;
using System.Text.Json;
using Sluice.Cli.Input;
using Sluice.Cli.Output;
using Sluice.Cli.Sessions;

namespace Sluice.Cli.Tests.Sessions;

/// <summary>One run of the tool's ingest in this process.</summary>
internal sealed record TestRun
{
    public required IngestResult Result { get; init; }

    public required List<SimpleSession> Sessions { get; init; }

    public static Task<TestRun> OfFileAsync(string path, IVisitEngines engines, VisitEngineOptions options, int workers, KeyField key = KeyField.Client) =>
        RunAsync([LogInput.File(path)], engines, options, workers, key);

    public static Task<TestRun> OfTextAsync(string text, IVisitEngines engines, VisitEngineOptions options, int workers = 1) =>
        RunAsync([new LogInput("text", null, () => new MemoryStream(Encoding.UTF8.GetBytes(text)))], engines, options, workers, KeyField.Client);

    public static async Task<TestRun> RunAsync(
        IReadOnlyList<LogInput> inputs, IVisitEngines engines, VisitEngineOptions options, int workers, KeyField key, CancellationToken stop = default)
    {
        MemoryStream written = new();
        using VisitOutput output = VisitOutput.ToStream(written);
        await using (engines)
        await using (InProcessCrew crew = new(engines, options, workers))
        {
            IngestRun run = new(
                new IngestOptions { Inputs = inputs, CreateParser = static () => new CombinedLogParser(), Engine = options, Workers = workers, Key = key },
                crew, output, new IngestCounters());
            IngestResult result = await run.RunAsync(stop);
            return new TestRun { Result = result, Sessions = Read(Encoding.UTF8.GetString(written.ToArray())) };
        }
    }

    /// <summary>Reads sessions with the framework's document reader: a second witness of the output.</summary>
    public static List<SimpleSession> Read(string jsonLines) =>
        jsonLines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line =>
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            return new SimpleSession(
                root.GetProperty("key").GetString()!,
                root.GetProperty("hits").GetInt64(),
                root.GetProperty("bytes").GetInt64(),
                root.GetProperty("errors").GetInt64(),
                root.GetProperty("firstSeen").GetDateTimeOffset(),
                root.GetProperty("lastSeen").GetDateTimeOffset(),
                string.Join(' ', root.GetProperty("lastPages").EnumerateArray().Select(static page => page.GetString())),
                root.GetProperty("distinctPages").GetInt64());
        }).ToList();

    /// <summary>Asserts that the sessions are the same, in any order.</summary>
    public static void AssertSame(IReadOnlyList<SimpleSession> expected, IReadOnlyList<SimpleSession> actual)
    {
        List<SimpleSession> left = Sorted(expected), right = Sorted(actual);
        Assert.Equal(left.Select(static session => session.Exact), right.Select(static session => session.Exact));
        foreach ((SimpleSession wanted, SimpleSession got) in left.Zip(right))
        {
            // An estimate with a standard error of 0.81 %: six of them, and at least one page.
            Assert.InRange(got.DistinctPages, wanted.DistinctPages - Slack(wanted), wanted.DistinctPages + Slack(wanted));
        }

        static double Slack(SimpleSession session) => Math.Max(1, session.DistinctPages * 0.05);
        static List<SimpleSession> Sorted(IEnumerable<SimpleSession> sessions) =>
            sessions.OrderBy(static session => session.Exact, StringComparer.Ordinal).ThenBy(static session => session.DistinctPages).ToList();
    }
}
