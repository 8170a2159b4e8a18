namespace Sluice.Bench.Soaks;

/// <summary>The long form of something that a change must show: the same check as a test's, for minutes or hours, with its figures on record.</summary>
internal interface ISoak
{
    /// <summary>The word on the command line, and the name of the page in <c>docs/evidence</c>.</summary>
    string Name { get; }

    /// <summary>What it shows, as one sentence that can be true or false.</summary>
    string Claim { get; }

    /// <summary>Works until the time is up (or the claim turned out false) and says what it found.</summary>
    Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken);
}

/// <summary>What a soak is given.</summary>
/// <param name="Duration">How long it works.</param>
/// <param name="Seed">Of everything random in it: the same seed gives the same work.</param>
/// <param name="Progress">One line now and then, for whoever watches.</param>
internal sealed record SoakContext(TimeSpan Duration, ulong Seed, Action<string> Progress);

/// <summary>What a soak found.</summary>
/// <param name="Held">Whether the claim held to the end.</param>
/// <param name="Figures">Numbers for the record, in the order in which they are shown.</param>
/// <param name="Finding">When it did not hold: the smallest thing that shows it.</param>
internal sealed record SoakResult(bool Held, IReadOnlyList<(string Name, string Value)> Figures, string? Finding = null);
