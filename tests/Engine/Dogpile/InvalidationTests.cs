using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Values that are declared invalid: nobody who asks afterwards gets them, not even from a creation that was under way.</summary>
public sealed class InvalidationTests : IAsyncDisposable
{
    private static readonly DogpileEntryOptions Tagged = new() { Tags = ["prices"] };
    private static readonly DogpileEntryOptions Untagged = new();

    private readonly HandDrivenTimeProvider _time = new();
    private readonly HandDrivenCreator _creator = new();
    private readonly DogpileCache _cache;

    public InvalidationTests() => _cache = new DogpileCache(new DogpileCacheOptions { TimeProvider = _time });

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _cache.DisposeAsync();

    [Theory]
    [InlineData("key", Invalidation.Hard)]
    [InlineData("key", Invalidation.Soft)]
    [InlineData("tag", Invalidation.Hard)]
    [InlineData("tag", Invalidation.Soft)]
    [InlineData("region", Invalidation.Hard)]
    [InlineData("region", Invalidation.Soft)]
    public async Task After_an_invalidation_one_creates_and_the_others_wait_or_go_on(string what, Invalidation kind)
    {
        await _cache.SetAsync("key", 1, Tagged, Cancellation);
        await InvalidateAsync(what, kind);
        Task<int> creating = GetAsync(), other = GetAsync();
        Assert.Equal(kind == Invalidation.Soft, other.IsCompleted);
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(2);
        Assert.Equal((2, kind == Invalidation.Soft ? 1 : 2), (await creating, await other));
        Assert.Equal((2, 1), (await GetAsync(), _creator.Calls));
    }

    [Fact]
    public async Task A_tag_means_only_what_has_it()
    {
        await _cache.SetAsync("key", 1, Tagged, Cancellation);
        await _cache.SetAsync("other", 1, Untagged, Cancellation);
        await _cache.InvalidateTagAsync("prices", Invalidation.Hard, Cancellation);
        await _cache.InvalidateTagAsync("names", Invalidation.Hard, Cancellation);
        Assert.False(_cache.TryGet<int>("key", out _));
        Assert.True(_cache.TryGet<int>("other", out _));
    }

    // The row was changed while the page was being rendered from the old one: the page must not be kept, and who asks after the change must not get it.
    [Theory]
    [InlineData("key")]
    [InlineData("tag")]
    [InlineData("region")]
    public async Task A_creation_that_was_under_way_serves_those_who_asked_before_and_nobody_else(string what)
    {
        Task<int> before = GetAsync();
        HandDrivenCreator.Begun old = await _creator.NextAsync(Cancellation);
        await InvalidateAsync(what, Invalidation.Hard);
        Task<int> after = GetAsync();
        Assert.Equal(1, _creator.Calls);
        old.Outcome.SetResult(1);
        Assert.Equal(1, await before);
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(2);
        Assert.Equal((2, 2), (await after, await GetAsync()));
        Assert.Equal((2, 1), (_creator.Calls, _creator.MostAtOnce));
    }

    // A value that is set by hand must not be replaced by an older one that took its time.
    [Fact]
    public async Task A_value_that_is_set_beats_the_creation_under_way()
    {
        Task<int> before = GetAsync();
        HandDrivenCreator.Begun old = await _creator.NextAsync(Cancellation);
        await _cache.SetAsync("key", 7, Tagged, Cancellation);
        old.Outcome.SetResult(1);
        Assert.Equal(1, await before);
        Assert.Equal(7, await GetAsync());
    }

    [Fact]
    public async Task A_hard_invalidation_is_not_softened_by_a_later_one()
    {
        await _cache.SetAsync("key", 1, Tagged, Cancellation);
        await _cache.InvalidateTagAsync("prices", Invalidation.Hard, Cancellation);
        await _cache.InvalidateTagAsync("prices", Invalidation.Soft, Cancellation);
        await _cache.InvalidateAsync(Invalidation.Soft, Cancellation);
        Task<int> first = GetAsync(), second = GetAsync();
        Assert.False(second.IsCompleted);
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(2);
        Assert.Equal((2, 2), (await first, await second));
    }

    // Tags come from users' data; a memory of every tag that was ever invalidated would grow without bound.
    [Fact]
    public async Task Very_many_invalidated_tags_cost_a_creation_and_not_memory()
    {
        await _cache.SetAsync("other", 1, Untagged, Cancellation);
        for (int i = 0; i <= 10_000; i++)
            await _cache.InvalidateTagAsync($"tag{i}", Invalidation.Soft, Cancellation);
        Assert.False(_cache.TryGet<int>("other", out _));
    }

    private async Task<int> GetAsync() => await _cache.GetOrCreateAsync("key", _creator.CreateAsync, Tagged, Cancellation);

    private ValueTask InvalidateAsync(string what, Invalidation kind) => what switch
    {
        "key" when kind == Invalidation.Hard => _cache.RemoveAsync("key", Cancellation),
        "key" => _cache.ExpireAsync("key", Cancellation),
        "tag" => _cache.InvalidateTagAsync("prices", kind, Cancellation),
        _ => _cache.InvalidateAsync(kind, Cancellation),
    };
}
