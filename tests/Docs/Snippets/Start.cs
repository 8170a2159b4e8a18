using Sluice;
using Xunit;

namespace Sluice.Docs.Tests.Snippets.Start;

[Aggregate("visit")]
public partial class Visit
{
    [Key] public partial string VisitorId { get; }
    [Sum] public partial long Hits { get; }
    [Sum] public partial long Bytes { get; }
}

/// <summary>The program of docs/start.md.</summary>
public sealed class StartTests
{
    private static readonly StringWriter Console = new();

    [Fact]
    public async Task The_program_prints_what_the_page_says()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions { SoftSession = TimeSpan.FromMinutes(30) });

        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = (visit, lost) =>
        {
            Console.WriteLine($"{visit.Resource}: {visit.Value.Hits} hits, {visit.Value.Bytes} bytes, ended because {visit.Reason}");
            return ValueTask.CompletedTask;
        });

        for (int i = 0; i < 1_000; i++)
            visits.TryMerge($"10.0.0.{i % 3}", new Visit.Event { Hits = 1, Bytes = 512 });

        await visits.ExpireAsync("10.0.0.1");
        ShutdownReport report = await engine.StopAsync(TimeSpan.FromSeconds(10));
        Console.WriteLine(report.IsClean ? "Everything is completed." : report.ToString());

        EngineOptions shared = new() { Redis = { "redis://localhost" }, SoftSession = TimeSpan.FromMinutes(30) };
        shared.Validate();

        // Keys are completed in any order; the last line is the last.
        string page = await File.ReadAllTextAsync(Path.Combine(DocumentationTests.Root, "docs", "start.md"), TestContext.Current.CancellationToken);
        string shown = page[page.IndexOf("$ dotnet run\n", StringComparison.Ordinal)..];
        string[] expected = shown[..shown.IndexOf("```", StringComparison.Ordinal)].Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..];
        string[] printed = Console.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(expected[^1], printed[^1]);
        Assert.Equal(expected.Order(StringComparer.Ordinal), printed.Order(StringComparer.Ordinal));
    }
}
