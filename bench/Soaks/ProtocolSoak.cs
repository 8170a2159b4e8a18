using System.Collections.Concurrent;
using Sluice.Exploration;
using Searched = Sluice.Exploration.Exploration;
using SearchScenarios = Sluice.Exploration.Scenarios;

namespace Sluice.Bench.Soaks;

/// <summary>
/// The exhaustive search of the protocol with wider bounds than tests have time for: each scenario of the tests with the quiet end played from every fourth
/// state, then larger ones, one after the other on each processor until the time is up; and all planted bugs.
/// </summary>
internal sealed class ProtocolSoak : ISoak
{
    public string Name => "protocol";

    public string Claim => "Every state that two engines and a server can come to within the bounds keeps the protocol's invariants, and the same search finds every planted bug.";

    public Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken)
    {
        ConcurrentDictionary<string, (Bounds Bounds, Searched Found)> searched = new();
        List<KeyValuePair<string, Bounds>> scenarios = [.. SearchScenarios.Small, .. SearchScenarios.Large];
        TimeSpan share = context.Duration * Environment.ProcessorCount / Math.Max(1, SearchScenarios.Large.Count);
        Parallel.ForEach(
            Partitioner.Create(scenarios, EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken },
            scenario =>
            {
                // What tests search is searched to its end, however long; of the larger ones as much as there is time for.
                bool isSmall = SearchScenarios.Small.ContainsKey(scenario.Key);
                searched[scenario.Key] = (scenario.Value, new Search(scenario.Value, Rules.Real, isSmall ? 4 : 16).Run(isSmall ? null : share, cancellationToken));
                context.Progress($"{searched.Count} of {scenarios.Count} scenarios, {searched.Values.Sum(static done => (long)done.Found.States):N0} states");
            });
        List<(string Name, string Value)> figures =
        [
            ("states visited", $"{searched.Values.Sum(static done => (long)done.Found.States):N0}"), ("moves made", $"{searched.Values.Sum(static done => done.Found.Transitions):N0}"),
        ];
        foreach ((string name, _) in scenarios)
        {
            (Bounds bounds, Searched found) = searched[name];
            string extent = found.IsWhole ? "all" : $"not all, to {found.Depth} moves";
            figures.Add((name, $"{bounds}: {found.States:N0} states ({extent}), {found.Elapsed.TotalSeconds:N0} s"));
            if (found.Fault is not null)
                return Task.FromResult(new SoakResult(false, [.. figures], $"{name}:\n\n```text\n{string.Join('\n', found.History)}\n```"));
        }

        foreach (Bug bug in Bug.All)
        {
            Searched found = new Search(SearchScenarios.Small[bug.Scenario], bug.Rules()).Run(cancellation: cancellationToken);
            if (found.Fault is null)
                return Task.FromResult(new SoakResult(false, [.. figures], $"Not found: {bug.Name}."));
            figures.Add(($"planted: {bug.Name}", $"found by {found.Fault.Invariant} after {found.Length} moves and {found.States:N0} states, in \"{bug.Scenario}\""));
        }

        foreach ((string name, string where) in Bug.Elsewhere)
            figures.Add(($"planted: {name}", where));
        return Task.FromResult(new SoakResult(true, [.. figures]));
    }
}
