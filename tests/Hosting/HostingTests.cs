using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Xunit;

namespace Sluice.Hosting.Tests;

/// <summary>An engine in a host: when it is there, what it is made of, and that nothing is lost at the end.</summary>
public sealed class HostingTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: hosted services that merge before there is an engine, or after it has gone: all of them are made before the first starts.
    [Fact]
    public async Task Hosted_services_may_merge_from_their_start_to_their_end_and_everything_is_completed()
    {
        VisitLedger ledger = new();
        using (IHost host = NewHost(services =>
        {
            services.AddSingleton(ledger);
            services.AddHostedService<Visitor>();
            services.AddSluice().AddAggregate(Visit.Definition, static (options, services) => options.OnComplete = (visit, _) => services.GetRequiredService<VisitLedger>().AddAsync(visit.Value));
            services.AddHostedService<Visitor>();
        }))
        {
            await host.StartAsync(Cancellation);
            await host.StopAsync(Cancellation);
        }

        Assert.Equal((1L, 1L), (ledger["start"], ledger["stop"]));
    }

    [Fact]
    public async Task The_aggregate_with_all_its_forms_is_there_once_the_engine_has_started()
    {
        using IHost host = NewHost(static services => services.AddSluice().AddAggregate(Visit.Definition));
        InvalidOperationException early = Assert.Throws<InvalidOperationException>(host.Services.GetRequiredService<Aggregator<string, Visit, Visit.Event>>);
        Assert.Contains("has not started", early.Message, StringComparison.Ordinal);
        await host.StartAsync(Cancellation);
        Aggregator<string, Visit, Visit.Event> visits = host.Services.GetRequiredService<Aggregator<string, Visit, Visit.Event>>();
        Assert.True(visits.TryMerge("a".AsSpan(), new Visit.Event { Hits = 2 }));
        await visits.FlushAsync(Cancellation);
        Assert.Equal(2, (await host.Services.GetRequiredService<IAggregator<string, Visit, Visit.Event>>().PeekAsync("a", Cancellation))?.Hits);
        Assert.Same(host.Services.GetRequiredService<SluiceEngine>(), host.Services.GetRequiredService<SluiceEngine>());
        await host.StopAsync(Cancellation);
    }

    // Prevents: the first request that asks for the engine stopping it for everybody, with the end of its scope.
    [Fact]
    public async Task Scopes_that_ask_for_the_engine_leave_it_running()
    {
        using IHost host = NewHost(static services => services.AddSluice().AddAggregate(Visit.Definition));
        await host.StartAsync(Cancellation);
        await using (AsyncServiceScope scope = host.Services.CreateAsyncScope())
        {
            Assert.True((await scope.ServiceProvider.GetRequiredService<SluiceEngine>().CheckHealthAsync(Cancellation)).IsRunning);
            _ = scope.ServiceProvider.GetRequiredKeyedService<SluiceEngine>("");
            _ = scope.ServiceProvider.GetRequiredService<ISluiceEngine>();
        }

        using (IServiceScope scope = host.Services.CreateScope())
            _ = scope.ServiceProvider.GetRequiredService<SluiceEngine>();
        Assert.True((await host.Services.GetRequiredService<SluiceEngine>().CheckHealthAsync(Cancellation)).IsRunning);
        await host.StopAsync(Cancellation);
    }

    [Fact]
    public async Task Engines_with_names_have_services_and_options_of_their_own()
    {
        using IHost host = NewHost(static services =>
        {
            services.AddSluice("one", Section(("Capacity", "11"))).AddAggregate(Visit.Definition);
            services.AddSluice("two", Section(("Capacity", "22"))).AddAggregate(Visit.Definition);
        });
        await host.StartAsync(Cancellation);
        IOptionsMonitor<EngineOptions> options = host.Services.GetRequiredService<IOptionsMonitor<EngineOptions>>();
        Assert.Equal((11, 22), (options.Get("one").Capacity, options.Get("two").Capacity));
        IAggregator<string, Visit, Visit.Event> one = host.Services.GetRequiredKeyedService<IAggregator<string, Visit, Visit.Event>>("one");
        Assert.True(one.TryMerge("a", new Visit.Event { Hits = 1 }));
        await one.FlushAsync(Cancellation);
        Assert.Equal(1, (await one.PeekAsync("a", Cancellation))?.Hits);
        Assert.Null(await host.Services.GetRequiredKeyedService<IAggregator<string, Visit, Visit.Event>>("two").PeekAsync("a", Cancellation));
        Assert.Null(host.Services.GetService<ISluiceEngine>());
        await host.StopAsync(Cancellation);
    }

    [Fact]
    public void Two_engines_of_one_name_are_refused_at_once()
    {
        ServiceCollection services = new();
        services.AddSluice();
        Assert.Contains("names", Assert.Throws<InvalidOperationException>(() => services.AddSluice()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_come_from_the_configuration_after_its_preset_and_before_the_code()
    {
        using IHost host = NewHost(static services => services
            .AddSluice(Section(("Preset", "Throughput"), ("BatchSize", "321"), ("Locks:LeaseDuration", "00:00:07"), ("Redis:WaitTimeout", "00:00:02"), ("FlushInterval", "00:00:03")))
            .Configure(static options => options.FlushInterval = TimeSpan.FromSeconds(4)));
        EngineOptions options = host.Services.GetRequiredService<IOptionsMonitor<EngineOptions>>().Get("");
        Assert.Equal((1_000_000, 321, TimeSpan.FromSeconds(4)), (options.Capacity, options.BatchSize, options.FlushInterval));
        Assert.Equal((TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(2)), (options.Locks.LeaseDuration, options.Redis.WaitTimeout));
        Assert.NotNull(options.LoggerFactory);
        await host.StartAsync(Cancellation);
        await host.StopAsync(Cancellation);
    }

    [Theory]
    [InlineData("Redis", "redis://a:1")]
    [InlineData("Redis:Servers:0", "redis://a:1")]
    public void Servers_are_a_value_or_a_list(string key, string address)
    {
        using IHost host = NewHost(services => services.AddSluice(Section((key, address))));
        Assert.Equal("a:1", Assert.Single(host.Services.GetRequiredService<IOptionsMonitor<EngineOptions>>().Get("").Redis).Endpoint.ToString());
    }

    // Prevents: a mistyped name leaving a default in place, which nobody notices before it matters.
    [Theory]
    [InlineData("FlushIntervall", "00:00:01", "Did you mean 'FlushInterval'?")]
    [InlineData("Redis:WaitReplica", "1", "Did you mean 'WaitReplicas'?")]
    [InlineData("Locks:Quux", "1", "'Locks:Quux', which is no option.")]
    [InlineData("Capacity", "many", "can't be read")]
    [InlineData("Capacity", "0", "Capacity")]
    [InlineData("Preset", "Speed", "can't be read")]
    public async Task A_host_with_a_wrong_configuration_does_not_start_and_says_why(string key, string value, string said)
    {
        using IHost host = NewHost(services => services.AddSluice(Section((key, value))));
        OptionsValidationException fault = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Cancellation));
        Assert.Contains(said, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(EnginePreset.Latency)]
    [InlineData(EnginePreset.Throughput)]
    [InlineData(EnginePreset.Durability)]
    public void Presets_are_within_the_ranges(EnginePreset preset) => new EngineOptions().Apply(preset).Validate();

    private static IHost NewHost(Action<IServiceCollection> configure)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        configure(builder.Services);
        return builder.Build();
    }

    private static IConfigurationSection Section(params (string Key, string Value)[] values) => new ConfigurationBuilder()
        .AddInMemoryCollection(values.Select(static pair => KeyValuePair.Create($"Sluice:{pair.Key}", (string?)pair.Value)))
        .Build()
        .GetSection("Sluice");

    private sealed class Visitor(IAggregator<string, Visit, Visit.Event> visits) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken) => await visits.MergeAsync("start", new Visit.Event { Hits = 1 }, cancellationToken);

        public async Task StopAsync(CancellationToken cancellationToken) => await visits.MergeAsync("stop", new Visit.Event { Hits = 1 }, cancellationToken);
    }
}
