using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Who creates, who waits, who falls through.</summary>
public sealed class DogpileTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly HandDrivenTimeProvider _time = new();
    private readonly HandDrivenCreator _creator = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // A thousand requests at the start of a process must not become a thousand queries.
    [Fact]
    public async Task First_callers_wait_for_one_creation()
    {
        Dogpile<int> dogpile = Make(Minute);
        Task<DogpileScope<int>>[] callers = [.. Enumerable.Range(0, 1000).Select(_ => dogpile.AcquireAsync(_creator.CreateAsync, Cancellation).AsTask())];
        Assert.DoesNotContain(callers, caller => caller.IsCompleted);
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(7);
        DogpileScope<int>[] scopes = await Task.WhenAll(callers);

        Assert.All(scopes, scope => Assert.Equal(7, scope.Value));
        Assert.Equal(1, scopes.Count(scope => scope.Outcome == DogpileOutcome.Created));
        Assert.Equal(999, scopes.Count(scope => scope.Outcome == DogpileOutcome.Waited));
        Assert.Equal(1, _creator.Calls);
    }

    // The point of a dogpile lock: an expired value is no reason for anybody but one to wait.
    [Fact]
    public async Task After_expiry_one_creates_and_the_others_fall_through_to_the_old_value()
    {
        Dogpile<int> dogpile = Make(Minute);
        await dogpile.AcquireAsync(() => 1, Cancellation);
        _time.Advance(Minute);
        Task<DogpileScope<int>> creating = dogpile.AcquireAsync(_creator.CreateAsync, Cancellation).AsTask();
        for (int i = 0; i < 10; i++)
        {
            DogpileScope<int> other = await dogpile.AcquireAsync(_creator.CreateAsync, Cancellation);
            Assert.Equal((1, DogpileOutcome.Stale), (other.Value, other.Outcome));
        }

        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(2);
        DogpileScope<int> created = await creating;
        DogpileScope<int> later = await dogpile.AcquireAsync(_creator.CreateAsync, Cancellation);

        Assert.Equal((2, DogpileOutcome.Created), (created.Value, created.Outcome));
        Assert.Equal((2, DogpileOutcome.Current), (later.Value, later.Outcome));
        Assert.Equal(1, _creator.Calls);
    }

    // Off by one at the deadline would serve a value that is as old as it must not be.
    [Fact]
    public async Task A_value_expires_exactly_at_its_expiry()
    {
        Dogpile<int> dogpile = Make(Minute);
        await dogpile.AcquireAsync(() => 1, Cancellation);
        _time.Advance(Minute - TimeSpan.FromTicks(1));
        Assert.Equal(1, (await dogpile.AcquireAsync(() => 2, Cancellation)).Value);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(2, (await dogpile.AcquireAsync(() => 2, Cancellation)).Value);
    }

    [Fact]
    public async Task Without_an_expiry_a_value_stays()
    {
        Dogpile<int> dogpile = new(new DogpileOptions { TimeProvider = _time });
        await dogpile.AcquireAsync(() => 1, Cancellation);
        _time.Advance(TimeSpan.FromDays(10_000));
        Assert.Equal(1, (await dogpile.AcquireAsync(() => 2, Cancellation)).Value);
    }

    // What exists when the process starts (a file, a table) must not be created again just because this process did not do it.
    [Fact]
    public async Task An_initial_value_counts_from_the_start()
    {
        Dogpile<int> dogpile = new(new DogpileOptions { Expiry = Minute, TimeProvider = _time }, initialValue: 5);
        Assert.Equal(_time.GetUtcNow(), dogpile.CreatedAt);
        DogpileScope<int> first = await dogpile.AcquireAsync(_creator.CreateAsync, Cancellation);
        _time.Advance(Minute);
        DogpileScope<int> second = await dogpile.AcquireAsync(() => 6, Cancellation);

        Assert.Equal((5, DogpileOutcome.Current), (first.Value, first.Outcome));
        Assert.Equal((6, DogpileOutcome.Created), (second.Value, second.Outcome));
        Assert.Equal(0, _creator.Calls);
    }

    [Fact]
    public async Task The_time_of_creation_is_when_the_creator_had_ended()
    {
        Dogpile<int> dogpile = Make(Minute);
        Assert.Null(dogpile.CreatedAt);
        Task<DogpileScope<int>> creating = dogpile.AcquireAsync(_creator.CreateAsync, Cancellation).AsTask();
        _time.Advance(Minute);
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(1);

        Assert.Equal(_time.GetUtcNow(), (await creating).CreatedAt);
        Assert.Equal(_time.GetUtcNow(), dogpile.CreatedAt);
    }

    // An administrator sets the clock back by a day: the value must not live a day longer.
    [Fact]
    public async Task A_clock_that_is_set_back_makes_no_value_younger()
    {
        Dogpile<int> dogpile = Make(Minute);
        await dogpile.AcquireAsync(() => 1, Cancellation);
        _time.SetUtcNow(_time.GetUtcNow().AddDays(-1));
        _time.Advance(Minute);
        Assert.Equal(2, (await dogpile.AcquireAsync(() => 2, Cancellation)).Value);
    }

    [Fact]
    public async Task An_exception_reaches_all_who_waited_and_is_forgotten_then()
    {
        Dogpile<int> dogpile = Make(Minute);
        Task<DogpileScope<int>>[] callers = [.. Enumerable.Range(0, 20).Select(_ => dogpile.AcquireAsync(_creator.CreateAsync, Cancellation).AsTask())];
        (await _creator.NextAsync(Cancellation)).Outcome.SetException(new TimeZoneNotFoundException("db"));
        foreach (Task<DogpileScope<int>> caller in callers)
            Assert.Equal("db", (await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => caller)).Message);

        Assert.Equal(3, (await dogpile.AcquireAsync(() => 3, Cancellation)).Value);
        Assert.Equal(1, _creator.Calls);
    }

    // While the database is down a thousand callers a second must not each try it; those who have an old value go on with it.
    [Fact]
    public async Task An_exception_is_remembered_when_asked_for()
    {
        Dogpile<int> dogpile = new(new DogpileOptions { Expiry = Minute, ErrorExpiry = TimeSpan.FromSeconds(5), TimeProvider = _time });
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => dogpile.AcquireAsync(() => throw new TimeZoneNotFoundException(), Cancellation).AsTask());
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => dogpile.AcquireAsync(() => 1, Cancellation).AsTask());
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(2, (await dogpile.AcquireAsync(() => 2, Cancellation)).Value);

        _time.Advance(Minute);
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => dogpile.AcquireAsync(() => throw new TimeZoneNotFoundException(), Cancellation).AsTask());
        DogpileScope<int> other = await dogpile.AcquireAsync(() => 3, Cancellation);
        Assert.Equal((2, DogpileOutcome.Stale), (other.Value, other.Outcome));
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        OptionsException e = Assert.Throws<OptionsException>(() => new Dogpile<int>(new DogpileOptions { Expiry = TimeSpan.Zero, Name = "" }));
        Assert.Contains("DogpileOptions.Expiry", e.Message, StringComparison.Ordinal);
        Assert.Contains("DogpileOptions.Name", e.Message, StringComparison.Ordinal);
    }

    private Dogpile<int> Make(TimeSpan expiry) => new(new DogpileOptions { Expiry = expiry, TimeProvider = _time });
}
