namespace Sluice.Cli.Demo.Embedded;

/// <summary>What a demonstration is made of.</summary>
/// <param name="Workers">How many workers.</param>
/// <param name="Duration">How long they take events.</param>
/// <param name="Lease">How long a silent worker keeps what it holds.</param>
/// <param name="Seed">Of the events and of who is hit.</param>
/// <param name="RatePerWorker">Events a second of each worker, if the machine can.</param>
internal sealed record DemoTerms(int Workers, TimeSpan Duration, TimeSpan Lease, int Seed, int RatePerWorker = 150_000);
