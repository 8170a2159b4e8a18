namespace Sluice.Bench.Running;

/// <summary>One measurement of a scenario: the same work done by every variant.</summary>
/// <param name="Name">As in the report, e.g. <c>resident-1t-zipf0.99</c>.</param>
/// <param name="Threads">Threads that do the work.</param>
/// <param name="Callers">Concurrent callers, where that is something else than threads.</param>
/// <param name="HasTarget">Whether a ratio of this case has a target: with --quick, only those are measured.</param>
/// <param name="Make">Makes the variants; they are prepared, measured in turn and disposed together.</param>
internal sealed record BenchCase(string Name, int Threads, int? Callers, bool HasTarget, Func<IReadOnlyList<Variant>> Make)
{
    /// <summary>
    /// How often the variants take turns within one pair. More than once where a reference differs from run to run by more than the target leaves room for: the ratio of a pair is then that of the
    /// sums, and its noise that of so many runs together.
    /// </summary>
    public int TurnsOfAPair { get; init; } = 1;
}

/// <summary>What <c>bench</c> can measure.</summary>
internal interface IScenario
{
    /// <summary>The word on the command line.</summary>
    string Name { get; }

    /// <summary>One line for the list of scenarios.</summary>
    string Purpose { get; }

    /// <summary>The cases, in the order in which they are measured; nothing is made before <see cref="BenchCase.Make"/>.</summary>
    IEnumerable<BenchCase> Cases(BenchOptions options);
}
