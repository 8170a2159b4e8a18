using System.Diagnostics;
using System.Globalization;
using Sluice.Harness;
using Sluice.LockFaults;
using Sluice.LockWorker;

namespace Sluice.Bench.Soaks;

/// <summary>References of four processes under one fault after the other, on a server that remembers; then the planted bugs, which the judge has to find.</summary>
internal sealed class ReferenceSoak : ISoak
{
    private const int LeastRounds = 3;

    public string Name => "references";

    public string Claim =>
        "What four processes saw of references could have happened one after the other, whatever befell processes, connections and a server that remembers: each generation ended once, with one callback at a time that ran until it had succeeded, its tokens grew, and none ran for what somebody held.";

    public async Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken)
    {
        if (PrivateRedisServer.Unavailable is { } reason)
            return new SoakResult(false, [], reason);
        SortedDictionary<LockFault, ReferenceFaultFigures> figures = [];
        List<(string, string)> planted = [];
        List<string> findings = [];
        long began = Stopwatch.GetTimestamp();
        ReferenceFaultRun run = await ReferenceFaultRun.StartAsync(unchecked((int)context.Seed), cancellationToken).ConfigureAwait(false);
        await using (run.ConfigureAwait(false))
        {
            for (int round = 0; (round < LeastRounds || Stopwatch.GetElapsedTime(began) < context.Duration) && findings.Count == 0; round++)
            {
                foreach (LockFault fault in Enum.GetValues<LockFault>())
                {
                    if (!figures.TryGetValue(fault, out ReferenceFaultFigures? of))
                        figures[fault] = of = new ReferenceFaultFigures();
                    await run.RunAsync(fault, of, cancellationToken).ConfigureAwait(false);
                    context.Progress($"{figures.Values.Sum(static one => one.Rounds)} rounds, {figures.Values.Sum(static one => one.Taken):N0} references");
                }

                findings.AddRange(figures.Values.SelectMany(static of => of.Findings));
            }

            foreach (string bug in findings.Count == 0 ? PlantedReferenceBug.All : [])
            {
                ReferenceFaultFigures of = new();
                await run.RunAsync(LockFault.None, of, cancellationToken, bug).ConfigureAwait(false);
                planted.Add(($"planted: {bug}", of.Findings.Count == 0 ? "NOT FOUND" : string.Create(CultureInfo.InvariantCulture, $"found in {of.Taken:N0} references")));
                if (of.Findings.Count == 0)
                    findings.Add($"The planted bug '{bug}' was not found.");
            }
        }

        IEnumerable<(string, string)> rows = figures.Select(static of => (FaultText.Of(of.Key), Row(of.Value))).Append(("all", Row(ReferenceFaultFigures.Sum(figures.Values)))).Concat(planted);
        return new SoakResult(findings.Count == 0, [.. rows], findings.Count == 0 ? null : string.Join(' ', findings));
    }

    private static string Row(ReferenceFaultFigures of) => string.Create(
        CultureInfo.InvariantCulture,
        $"{of.Rounds} rounds, {of.Taken:N0} references, {of.Generations:N0} generations, {of.Callbacks:N0} callbacks, {of.Lost} references lost; violations: {of.Findings.Count}");
}
