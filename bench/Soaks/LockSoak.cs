using System.Diagnostics;
using System.Globalization;
using Sluice.Harness;
using Sluice.LockFaults;

namespace Sluice.Bench.Soaks;

/// <summary>Locks of four processes under one fault after the other, on a server that remembers and on one that forgets.</summary>
internal sealed class LockSoak : ISoak
{
    private const int LeastRounds = 3;

    private static readonly LockFault[] Remembering = [.. Enum.GetValues<LockFault>()];

    public string Name => "locks";

    public string Claim =>
        "What four processes saw of mutexes, semaphores and reader-writer locks could have happened one after the other, whatever befell processes, connections and a server that remembers; and with any server no replaced holder's write passed a fence.";

    public async Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken)
    {
        if (PrivateRedisServer.Unavailable is { } reason)
            return new SoakResult(false, [], reason);
        SortedDictionary<(bool Forgets, LockFault Fault), LockFaultFigures> figures = [];
        int seed = unchecked((int)context.Seed);
        long began = Stopwatch.GetTimestamp();
        LockFaultRun remembers = await LockFaultRun.StartAsync(remembers: true, seed, cancellationToken).ConfigureAwait(false);
        await using (remembers.ConfigureAwait(false))
        {
            LockFaultRun forgets = await LockFaultRun.StartAsync(remembers: false, seed, cancellationToken).ConfigureAwait(false);
            await using (forgets.ConfigureAwait(false))
            {
                for (int round = 0; round < LeastRounds || Stopwatch.GetElapsedTime(began) < context.Duration; round++)
                {
                    foreach (LockFault fault in Remembering)
                        await RoundAsync(remembers, forgets: false, fault).ConfigureAwait(false);
                    await RoundAsync(forgets, forgets: true, LockFault.Restart).ConfigureAwait(false);
                    if (figures.Values.Any(static of => of.Findings.Count > 0))
                        break;
                }
            }
        }

        string[] findings = [.. figures.Values.SelectMany(static of => of.Findings)];
        bool overlapped = figures.Any(static of => !of.Key.Forgets && of.Value.Overlaps > 0);
        bool toldLate = figures.Any(static of => !of.Key.Forgets && of.Value.Losses > 0 && of.Value.LeastLead <= 0);
        if (overlapped)
            findings = [.. findings, "Two held at once."];
        if (toldLate)
            findings = [.. findings, "A holder that ran was told of its loss after the next one was granted."];
        return new SoakResult(findings.Length == 0, [.. Rows()], findings.Length == 0 ? null : string.Join(' ', findings));

        async Task RoundAsync(LockFaultRun run, bool forgets, LockFault fault)
        {
            if (!figures.TryGetValue((forgets, fault), out LockFaultFigures? of))
                figures[(forgets, fault)] = of = new LockFaultFigures();
            await run.RunAsync(fault, of, cancellationToken).ConfigureAwait(false);
            context.Progress($"{figures.Values.Sum(static of => of.Rounds)} rounds, {figures.Values.Sum(static of => of.Granted):N0} acquisitions");
        }

        IEnumerable<(string, string)> Rows()
        {
            foreach (((bool forgets, LockFault fault), LockFaultFigures of) in figures)
                yield return (FaultText.Of(fault, forgets), Row(of));
            yield return ("all on the server that remembers", Row(LockFaultFigures.Sum(figures.Where(static of => !of.Key.Forgets).Select(static of => of.Value))));
        }
    }

    private static string Row(LockFaultFigures of)
    {
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{of.Rounds} rounds, {of.Granted:N0} acquisitions; two certain holders: {PerMillion(of.Overlaps, of.Granted)} per million; stale writes that an unfenced sink took: {PerMillion(of.Stale, of.Granted)} per million; a fenced one: {of.StaleFenced} of {of.Writes:N0} (it refused {of.Refused:N0})");
        return of.Losses == 0
            ? text
            : string.Create(CultureInfo.InvariantCulture, $"{text}; {of.Losses} losses, told before the next holder's grant by at least {of.LeastLead:0.0} ms, median {of.MedianLead:0.0} ms");
    }

    private static string PerMillion(long count, long of) => of == 0 ? "0" : (count * 1e6 / of).ToString("0.#", CultureInfo.InvariantCulture);
}
