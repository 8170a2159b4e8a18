using System.Diagnostics;
using Sluice.Harness.Load;

namespace Sluice.Bench.Soaks;

/// <summary>Ten million keys and more through one registry after the other, each of which must be empty and small at the end.</summary>
internal sealed class NameSoak : ISoak
{
    private const int KeysPerRound = 10_000_000;

    // An empty registry's table, and what the runtime does meanwhile.
    private const long RestBytes = 1 << 20;

    public string Name => "names";

    public string Claim => "A registry of names that has seen ten million keys come and go holds nothing, and every user had its key's one object.";

    public Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp(), keys = 0, mostAtOnce = 0, mostHeld = 0;
        int rounds = 0;
        do
        {
            KeyChurnResult round = new KeyChurn(Math.Max(4, Environment.ProcessorCount), KeysPerRound, unchecked((int)context.Seed + rounds)).Run();
            rounds++;
            keys += round.Keys;
            mostAtOnce = Math.Max(mostAtOnce, round.MostAtOnce);
            mostHeld = Math.Max(mostHeld, round.HeldBytes);
            context.Progress(round.ToString());
            if (!round.IsClean || round.HeldBytes > RestBytes)
                return Task.FromResult(new SoakResult(false, Figures(), round.ToString()));
        }
        while (Stopwatch.GetElapsedTime(began) < context.Duration && !cancellationToken.IsCancellationRequested);
        return Task.FromResult(new SoakResult(true, Figures()));

        (string Name, string Value)[] Figures() =>
        [
            ("keys", $"{keys:N0}"), ("rounds", $"{rounds:N0}"), ("leases per second", $"{3 * keys / Stopwatch.GetElapsedTime(began).TotalSeconds:N0}"),
            ("most keys in use at once", $"{mostAtOnce:N0}"), ("most bytes held by an empty registry", $"{mostHeld:N0}"),
        ];
    }
}
