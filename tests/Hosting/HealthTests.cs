using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Sluice.Harness;
using Xunit;

namespace Sluice.Hosting.Tests;

/// <summary>What orchestrators are told.</summary>
public sealed class HealthTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ready_from_the_start_to_the_stop()
    {
        using IHost host = NewHost(static _ => { });
        Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync(host)).Entries["sluice-ready"].Status);
        await host.StartAsync(Cancellation);
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Status);
        await host.StopAsync(Cancellation);
        HealthReport after = await CheckAsync(host);
        Assert.Equal(HealthStatus.Unhealthy, after.Entries["sluice-ready"].Status);
        Assert.Equal(HealthStatus.Healthy, after.Entries["sluice-live"].Status);
    }

    // Prevents: a restart of every process because a server is away, which would lose what they keep for it.
    [Fact]
    public async Task While_its_server_is_away_an_engine_is_alive_and_not_ready()
    {
        Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], Cancellation);
        using IHost host = NewHost(options => options.Redis.Add(server.Url));
        await host.StartAsync(Cancellation);
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Status);
        server.Process.Kill();
        await server.Process.ExitCode;
        HealthReport away = await CheckAsync(host);
        Assert.Equal((HealthStatus.Unhealthy, HealthStatus.Healthy), (away.Entries["sluice-ready"].Status, away.Entries["sluice-live"].Status));
        Assert.Contains("127.0.0.1", away.Entries["sluice-ready"].Description, StringComparison.Ordinal);
        await server.RestartAsync(Cancellation);
        await Eventually.UntilAsync(async () => (await CheckAsync(host)).Status == HealthStatus.Healthy, Cancellation);
        await host.StopAsync(Cancellation);
    }

    [Fact]
    public async Task Updates_that_wait_too_long_are_degraded_and_then_not_alive()
    {
        HandDrivenTimeProvider time = new();
        using IHost host = NewHost(options =>
        {
            options.TimeProvider = time;
            options.FlushInterval = TimeSpan.FromHours(1);
            options.LeaseDuration = TimeSpan.FromHours(1);

            // Nobody moves the time while the engine stops.
            options.ShutdownTimeout = TimeSpan.Zero;
        });
        await host.StartAsync(Cancellation);
        Assert.True(host.Services.GetRequiredService<IAggregator<string, Visit, Visit.Event>>().TryMerge("a", new Visit.Event { Hits = 1 }));
        time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Status);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(HealthStatus.Degraded, (await CheckAsync(host)).Entries["sluice-pending"].Status);
        time.Advance(TimeSpan.FromMinutes(1));
        HealthReport late = await CheckAsync(host);
        Assert.Equal(HealthStatus.Unhealthy, late.Entries["sluice-live"].Status);
        Assert.Contains("every server answers", late.Entries["sluice-live"].Description, StringComparison.Ordinal);
        await host.StopAsync(Cancellation);
    }

    // Prevents: a restart of every process because a server answers a PING and takes no write (its memory is full, it was made a replica), which would lose what they keep for it. Nor when it takes them again, before
    // the first has come through.
    [Theory]
    [InlineData("OOM", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0")]
    [InlineData("READONLY", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE")]
    public async Task While_its_server_refuses_writes_an_engine_is_alive_and_not_ready(string error, string refuse, string take)
    {
        Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");
        HandDrivenTimeProvider time = new();
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], Cancellation);
        using IHost host = NewHost(options =>
        {
            options.Redis.Add(server.Url);
            options.TimeProvider = time;
            options.BatchLinger = TimeSpan.Zero;
            options.RequestTimeout = TimeSpan.FromMinutes(5);
            options.LeaseDuration = TimeSpan.FromHours(1);
            options.ShutdownTimeout = TimeSpan.Zero;
        });
        await host.StartAsync(Cancellation);
        Assert.Equal("+OK", await server.AskAsync(refuse.Split(' '), Cancellation));
        Assert.True(host.Services.GetRequiredService<IAggregator<string, Visit, Visit.Event>>().TryMerge("a", new Visit.Event { Hits = 1 }));
        time.Advance(TimeSpan.FromSeconds(1));
        await Eventually.UntilAsync(async () => (await CheckAsync(host)).Entries["sluice-ready"].Status == HealthStatus.Unhealthy, Cancellation);

        time.Advance(TimeSpan.FromMinutes(2));
        HealthReport refused = await CheckAsync(host);
        Assert.Equal((HealthStatus.Unhealthy, HealthStatus.Healthy), (refused.Entries["sluice-ready"].Status, refused.Entries["sluice-live"].Status));
        Assert.Contains(error, refused.Entries["sluice-ready"].Description, StringComparison.Ordinal);

        Assert.Equal("+OK", await server.AskAsync(take.Split(' '), Cancellation));
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Entries["sluice-live"].Status);
        await Eventually.UntilAsync(async () =>
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            return (await CheckAsync(host)).Status == HealthStatus.Healthy;
        }, Cancellation);
        await host.StopAsync(Cancellation);
    }

    // Prevents: a restart in the moment in which a server is back, because updates have waited for it for so long. They have as long from then on as an update has from its merge.
    [Fact]
    public async Task What_waited_for_a_server_that_is_back_has_its_time_from_then_on()
    {
        Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");
        HandDrivenTimeProvider time = new();
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], Cancellation);
        using IHost host = NewHost(options =>
        {
            options.Redis.Add(server.Url);
            options.TimeProvider = time;
            options.FlushInterval = TimeSpan.FromHours(1);
            options.LeaseDuration = TimeSpan.FromHours(1);
            options.ShutdownTimeout = TimeSpan.Zero;
        });
        await host.StartAsync(Cancellation);
        Assert.True(host.Services.GetRequiredService<IAggregator<string, Visit, Visit.Event>>().TryMerge("a", new Visit.Event { Hits = 1 }));
        time.Advance(TimeSpan.FromSeconds(90));
        server.Process.Kill();
        await server.Process.ExitCode;
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Entries["sluice-live"].Status);
        await server.RestartAsync(Cancellation);
        HealthReport back = await CheckAsync(host);
        while (back.Entries["sluice-ready"].Status != HealthStatus.Healthy)
            back = await CheckAsync(host);
        Assert.Equal(HealthStatus.Healthy, back.Entries["sluice-live"].Status);

        time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Entries["sluice-live"].Status);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync(host)).Entries["sluice-live"].Status);
        await host.StopAsync(Cancellation);
    }

    private static Task<HealthReport> CheckAsync(IHost host) => host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancellation);

    private static IHost NewHost(Action<EngineOptions> configure)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSluice().Configure(configure).AddAggregate(Visit.Definition, static options => options.OnComplete = static (_, _) => ValueTask.CompletedTask)
            .AddHealthChecks(static limits => (limits.DegradedAfter, limits.StuckAfter) = (TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1)));
        return builder.Build();
    }
}
