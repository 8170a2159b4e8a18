using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Sluice.Testing;
using Xunit;

namespace Sluice.Docs.Tests.Snippets.Testing;

[Aggregate("visit")]
public partial class Visit
{
    [Key] public partial string VisitorId { get; }
    [Sum] public partial long Hits { get; }
}

/// <summary>The code of docs/testing.md and of the package's readme.</summary>
public sealed class TestingTests
{
    [Fact]
    public async Task A_stage()
    {
        await using EngineStage stage = new();
        SluiceEngine engine = await stage.StartEngineAsync(options => options.SoftSession = TimeSpan.FromSeconds(30));
        CompletionRecorder<Visit> completed = new();
        Aggregator<string, Visit, Visit.Event> visits = engine.Aggregate(Visit.Definition, options => options.OnComplete = completed.RecordAsync);

        visits.TryMerge("10.1.2.3", new Visit.Event { Hits = 1 });
        await stage.AdvanceAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(CompletionReason.Idle, completed.Single("10.1.2.3").Reason);

        completed.Take();
        completed.RefuseNext(1);
        visits.TryMerge("10.1.2.3", new Visit.Event { Hits = 1 });
        await visits.ExpireAsync("10.1.2.3");
        await stage.SettleAsync();
        Assert.Single(completed.Refused);

        await stage.AdvanceAsync(TimeSpan.FromMilliseconds(200));
        Assert.Equal(2, completed.Single("10.1.2.3").Attempt);

        SluiceEngine doomed = await stage.StartEngineAsync();
        var lost = doomed.Aggregate(Visit.Definition);
        lost.TryMerge("10.9.9.9", new Visit.Event { Hits = 2 });
        await lost.FlushAsync();

        await stage.CrashAsync(doomed);
        await stage.AdvanceAsync(TimeSpan.FromSeconds(20));

        Assert.Equal(CompletionReason.Recovered, completed.Single("10.9.9.9").Reason);
    }

    [Fact]
    public async Task A_host_on_a_stage()
    {
        await using EngineStage stage = new();
        CompletionRecorder<Visit> completed = new();
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());

        builder.Services.AddSluice()
            .Configure(options => stage.Direct(options).SoftSession = TimeSpan.FromSeconds(30))
            .AddAggregate(Visit.Definition, (options, _) => options.OnComplete = completed.RecordAsync);

        using IHost host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        host.Services.GetRequiredService<IAggregator<string, Visit, Visit.Event>>().TryMerge("10.1.2.3", new Visit.Event { Hits = 1 });
        await stage.AdvanceAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await host.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(CompletionReason.Idle, completed.Single("10.1.2.3").Reason);
    }
}
