using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Sluice.Harness;

namespace Sluice.Cli.Tests.Workers;

/// <summary>What happens to one of the worker processes.</summary>
internal enum WorkerFault
{
    /// <summary>SIGKILL.</summary>
    Kill,

    /// <summary>SIGSTOP, and SIGCONT when its lease is over.</summary>
    Pause,
}

/// <summary>What a run found.</summary>
/// <param name="Findings">What is wrong, one sentence each; empty: nothing.</param>
/// <param name="FaultAtLine">How many lines had been written when the fault came.</param>
/// <param name="WasFenced">Whether the others had fenced somebody before the run went on.</param>
/// <param name="Arrived">Lines that the lost worker held unacknowledged and that had arrived.</param>
/// <param name="HandedOutAgain">Lines that it held and that had not.</param>
/// <param name="Sessions">Sessions that were completed.</param>
/// <param name="DeliveredAgain">Deliveries of sessions that had been delivered before.</param>
internal sealed record WorkerLossResult(
    IReadOnlyList<string> Findings, int FaultAtLine, bool WasFenced, long Arrived, long HandedOutAgain, long Sessions, long DeliveredAgain);

/// <summary>
/// <c>sluice ingest</c> reads the access log with four worker processes while sessions are completed all the time, and a fault meets one of them at a random point. What came
/// out is judged from the record of deliveries, not by the tool's own accounts.
/// </summary>
internal sealed partial class WorkerLossRun(PrivateRedisServer server, string prefix, WorkerFault fault, int seed, string logPath)
{
    private const int Workers = 4;
    private const int ChunkLines = 100;
    private const long Bytes = 2_747_282_740;

    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(1);
    private readonly Random _random = new(seed);

    /// <summary>Runs once.</summary>
    public async Task<WorkerLossResult> RunAsync(CancellationToken cancellationToken)
    {
        string[] lines = await ReadLogAsync(logPath, cancellationToken).ConfigureAwait(false);
        using TemporaryFolder folder = new();
        string visits = folder["visits.jsonl"];
        ProcessHost tool = ProcessHost.StartDotnet(
            Path.Combine(AppContext.BaseDirectory, "Sluice.Cli.dll"),
            [
                "ingest", "-", "--coordinator", server.Url, "--prefix", prefix, "--workers", Workers.ToString(CultureInfo.InvariantCulture), "--lease", "1s",
                "--clock", "wall", "--soft", "250ms", "--trace", folder.Path, "--out", visits,
            ]);
        await using (tool.ConfigureAwait(false))
        {
            int[] workers = await WorkersAsync(folder["workers.txt"], tool, cancellationToken).ConfigureAwait(false);
            int faultAt = _random.Next(1, lines.Length / ChunkLines) * ChunkLines, victim = workers[_random.Next(workers.Length)];
            bool wasFenced = await FeedAsync(tool, lines, faultAt, victim, cancellationToken).ConfigureAwait(false);
            int exitCode = await tool.ExitCode.WaitAsync(cancellationToken).ConfigureAwait(false);
            List<string> findings = exitCode == 0 ? [] : [$"The tool ended with status {exitCode}: {tool.Transcript}"];
            (long sessions, long again) = exitCode == 0 ? await JudgeAsync(folder, visits, lines.Length, findings, cancellationToken).ConfigureAwait(false) : (0, 0);
            if (fault == WorkerFault.Kill && !tool.Transcript.Contains("was lost", StringComparison.Ordinal))
                findings.Add($"The tool did not notice that a worker was killed: {tool.Transcript}");
            Match held = Held().Match(tool.Transcript);
            return new WorkerLossResult(findings, faultAt, wasFenced, Number(held, 1), Number(held, 2), sessions, again);
        }
    }

    /// <summary>The log's lines; the characters of any byte.</summary>
    public static async Task<string[]> ReadLogAsync(string path, CancellationToken cancellationToken)
    {
        using StreamReader reader = new(new GZipStream(File.OpenRead(path), CompressionMode.Decompress), Encoding.UTF8);
        return (await reader.ReadToEndAsync(cancellationToken).ConfigureAwait(false)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [GeneratedRegex("([0-9,]+) had arrived, ([0-9,]+) were handed out again")]
    private static partial Regex Held();

    private static long Number(Match match, int group) =>
        match.Success ? long.Parse(match.Groups[group].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture) : 0;

    private static async Task<int[]> WorkersAsync(string path, ProcessHost tool, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (File.Exists(path))
            {
                using StreamReader reader = new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
                string[] workers = (await reader.ReadToEndAsync(cancellationToken).ConfigureAwait(false)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
                if (workers.Length == Workers)
                    return [.. workers.Select(static line => int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture))];
            }

            if (tool.HasExited)
                throw new InvalidOperationException($"The tool ended at once: {tool.Transcript}");
            await Task.Delay(5, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Writes the log as a server does, line after line, and lets the fault happen meanwhile. True when somebody was fenced.</summary>
    private async Task<bool> FeedAsync(ProcessHost tool, string[] lines, int faultAt, int victim, CancellationToken cancellationToken)
    {
        Task<bool> meeting = Task.FromResult(false);
        try
        {
            for (int line = 0; line < lines.Length; line += ChunkLines)
            {
                if (line == faultAt)
                    meeting = MeetAsync(victim, cancellationToken);
                string text = string.Join('\n', lines.AsSpan(line, Math.Min(ChunkLines, lines.Length - line)).ToArray()) + "\n";
                await tool.StandardInput.BaseStream.WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken).ConfigureAwait(false);

                // Sessions end and are flushed while the log comes.
                await Task.Delay(_random.Next(0, 16), cancellationToken).ConfigureAwait(false);
            }

            tool.StandardInput.Close();
        }
        catch (IOException)
        {
            // The tool has ended before its input did: its exit status and what it said are judged.
        }

        return await meeting.ConfigureAwait(false);
    }

    /// <summary>The fault. True when somebody was fenced before it ended.</summary>
    private async Task<bool> MeetAsync(int victim, CancellationToken cancellationToken)
    {
        // Somewhere between two flushes, or in the middle of one.
        await Task.Delay(_random.Next(0, 250), cancellationToken).ConfigureAwait(false);
        if (fault == WorkerFault.Kill)
        {
            ProcessSignals.Send(victim, ProcessSignals.Kill);
            return false;
        }

        ProcessSignals.Send(victim, ProcessSignals.Stop);
        ProcessSignals.WaitUntilStopped(victim);
        await Task.Delay(Lease * (2 + _random.NextDouble()), cancellationToken).ConfigureAwait(false);
        bool wasFenced = await server.AskAsync(["KEYS", $"{{{prefix}:*}}:t"], cancellationToken).ConfigureAwait(false) != "*0";
        ProcessSignals.Send(victim, ProcessSignals.Continue);
        return wasFenced;
    }

    private static async Task<(long Sessions, long Again)> JudgeAsync(
        TemporaryFolder folder, string visits, int lineCount, List<string> findings, CancellationToken cancellationToken)
    {
        Delivery[] deliveries = [.. (await File.ReadAllLinesAsync(folder["deliveries.jsonl"], cancellationToken).ConfigureAwait(false)).Select(Delivery.Parse)];
        int[] counted = new int[lineCount + 1];
        long bytes = 0, sessions = 0;
        foreach (IGrouping<string, Delivery> session in deliveries.GroupBy(static delivery => delivery.IdempotencyKey))
        {
            sessions++;
            Delivery first = session.First();
            if (session.Select(static delivery => delivery.FencingToken).Distinct().Count() != session.Count())
                findings.Add($"{session.Key} was delivered twice under one token.");
            if (session.Any(delivery => delivery.Content != first.Content))
                findings.Add($"{session.Key} was delivered with two contents.");
            Delivery[] byToken = [.. session.OrderBy(static delivery => delivery.FencingToken)];
            if (byToken.Zip(byToken.Skip(1)).Any(static pair => pair.Second.Attempt <= pair.First.Attempt))
                findings.Add($"A later attempt of {session.Key} has a lower token.");
            if (first.Lines.Length != first.Hits)
                findings.Add($"{session.Key} has {first.Hits} hits of {first.Lines.Length} lines.");
            bytes += first.Bytes;
            foreach (int line in first.Lines)
                counted[line]++;
        }

        HashSet<int> acknowledged = [.. (await File.ReadAllLinesAsync(folder["acknowledged.txt"], cancellationToken).ConfigureAwait(false)).Select(static line => int.Parse(line, CultureInfo.InvariantCulture))];
        int[] wrong = [.. Enumerable.Range(1, lineCount).Where(line => acknowledged.Contains(line) && counted[line] != 1)];
        if (wrong.Length > 0)
            findings.Add($"{wrong.Length} acknowledged lines are not in the totals exactly once; the first is line {wrong[0]}, counted {counted[wrong[0]]} times.");
        int[] twice = [.. Enumerable.Range(1, lineCount).Where(line => counted[line] > 1)], missing = [.. Enumerable.Range(1, lineCount).Where(line => counted[line] == 0)];
        if (twice.Length > 0)
            findings.Add($"{twice.Length} lines were counted more than once; the first is line {twice[0]}.");
        if (missing.Length > 0)
            findings.Add($"{missing.Length} lines are not in the totals; the first is line {missing[0]}.");
        if (bytes != Bytes)
            findings.Add($"The sessions have {bytes} bytes, the log has {Bytes}.");
        string[] written = [.. (await File.ReadAllLinesAsync(visits, cancellationToken).ConfigureAwait(false)).Select(static line => JsonDocument.Parse(line).RootElement.GetProperty("idempotencyKey").GetString()!)];
        if (!written.ToHashSet(StringComparer.Ordinal).SetEquals(deliveries.Select(static delivery => delivery.IdempotencyKey)) || written.Length != sessions)
            findings.Add($"{written.Length} sessions were written and {sessions} were delivered.");
        return (sessions, deliveries.Length - sessions);
    }

    private sealed record Delivery(string IdempotencyKey, long FencingToken, int Attempt, long Hits, long Bytes, int[] Lines, string Content)
    {
        public static Delivery Parse(string line)
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            int[] lines = [.. root.GetProperty("lines").EnumerateArray().Select(static number => number.GetInt32())];
            (long hits, long bytes) = (root.GetProperty("hits").GetInt64(), root.GetProperty("bytes").GetInt64());
            return new Delivery(
                root.GetProperty("idempotencyKey").GetString()!, root.GetProperty("fencingToken").GetInt64(), root.GetProperty("attempt").GetInt32(), hits, bytes, lines,
                $"{hits} {bytes} {string.Join(' ', lines)}");
        }
    }
}
