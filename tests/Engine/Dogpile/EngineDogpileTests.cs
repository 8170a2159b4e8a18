using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>The cache that an engine brings.</summary>
public sealed class EngineDogpileTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // With another clock than the engine's a test that moves the engine's time would see values that never expire.
    [Fact]
    public async Task It_has_the_engines_clock_and_ends_with_the_engine()
    {
        HandDrivenTimeProvider time = new();
        SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions { TimeProvider = time }, Cancellation);
        DogpileCache cache = engine.Dogpile;
        Assert.Equal(1, await cache.GetOrCreateAsync("key", _ => ValueTask.FromResult(1), cancellation: Cancellation));
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(2, await cache.GetOrCreateAsync("key", _ => ValueTask.FromResult(2), cancellation: Cancellation));
        await engine.AbandonAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => cache.GetOrCreateAsync("other", _ => ValueTask.FromResult(3), cancellation: Cancellation).AsTask());
    }

    // A factory that does not hear its token must not hold the stop up for ever.
    [Fact]
    public async Task A_stop_does_not_wait_for_a_factory_beyond_its_deadline()
    {
        SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        HandDrivenCreator creator = new();
        Task<int> waiting = engine.Dogpile.GetOrCreateAsync("key", creator.CreateAsync, cancellation: Cancellation).AsTask();
        HandDrivenCreator.Begun begun = await creator.NextAsync(Cancellation);
        await engine.StopAsync(TimeSpan.FromMilliseconds(1), Cancellation);
        Assert.True(begun.Token.IsCancellationRequested);
        begun.Outcome.SetResult(1);
        Assert.Equal(1, await waiting);
    }

    [Fact]
    public async Task Its_options_are_checked_with_the_engines()
    {
        OptionsException e = await Assert.ThrowsAsync<OptionsException>(() => SluiceEngine.StartAsync(new EngineOptions { Dogpile = new DogpileCacheOptions { Capacity = 0 } }, Cancellation));
        Assert.Contains("DogpileCacheOptions.Capacity", e.Message, StringComparison.Ordinal);
    }
}
