using System.Diagnostics;
using Sluice.Harness.Load;

namespace Sluice.Bench.Soaks;

/// <summary>
/// Conservation at length: rounds of merges under eviction, expiry, force and flush, through a rough network, into a sink that fails now and then. Each
/// round compares every key and every field.
/// </summary>
internal sealed class MergeSoak : ISoak
{
    private const long MergesPerRound = 50_000_000;

    public string Name => "merge";

    public string Claim => "What was merged is what was completed, per key and per field, and no session was delivered with two contents.";

    public async Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        long merges = 0, writes = 0, sessions = 0, redeliveries = 0;
        int rounds = 0;
        string network = "";
        while (Stopwatch.GetElapsedTime(began) < context.Duration && !cancellationToken.IsCancellationRequested)
        {
            MergeConservationResult round = await new MergeConservation(new MergeConservationPlan
            {
                Merges = MergesPerRound,
                Seed = unchecked((int)context.Seed + rounds),
            }).RunAsync(cancellationToken).ConfigureAwait(false);
            rounds++;
            merges += round.Merges;
            writes += round.Writes;
            sessions += round.Sessions;
            redeliveries += round.Redeliveries;
            network = round.Network;
            context.Progress(round.ToString());
            if (round.Faults.Count != 0)
                return new SoakResult(false, Figures(), string.Join(Environment.NewLine, round.Faults));
        }

        return new SoakResult(true, Figures());

        (string Name, string Value)[] Figures() =>
        [
            ("merges", $"{merges:N0}"), ("merges per second", $"{merges / Stopwatch.GetElapsedTime(began).TotalSeconds:N0}"), ("rounds", $"{rounds:N0}"),
            ("writes to the coordinator", $"{writes:N0}"), ("sessions completed", $"{sessions:N0}"), ("sessions delivered again", $"{redeliveries:N0}"),
            ("faults of the last round's network", network),
        ];
    }
}
