using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Values that are read from elsewhere: how often, by whom, and what the reader's word counts.</summary>
public sealed class ValueGetterTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly HandDrivenTimeProvider _time = new();
    private readonly HandDrivenCreator _creator = new();
    private readonly Store _store;
    private readonly Dogpile<int> _dogpile;

    public ValueGetterTests()
    {
        _store = new Store(_time);
        _dogpile = new Dogpile<int>(new DogpileOptions { Expiry = Minute, TimeProvider = _time, Name = "prices" });
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Each get is a round trip: an access makes one, and none when it has just created what it would get.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_get_an_access_and_none_after_creating(bool withTime)
    {
        ValueGetter<int> getter = _store.Getter(withTime);
        DogpileScope<int> first = await _dogpile.AcquireAsync(() => _store.Set(1), getter, Cancellation);
        Assert.Equal((1, DogpileOutcome.Created, withTime ? 1 : 0), (first.Value, first.Outcome, _store.Gets));

        DogpileScope<int> second = await _dogpile.AcquireAsync(() => _store.Set(2), getter, Cancellation);
        Assert.Equal((1, DogpileOutcome.Current, withTime ? 2 : 1), (second.Value, second.Outcome, _store.Gets));

        _time.Advance(Minute);
        DogpileScope<int> third = await _dogpile.AcquireAsync(() => _store.Set(3), getter, Cancellation);
        Assert.Equal((3, DogpileOutcome.Created, withTime ? 3 : 1), (third.Value, third.Outcome, _store.Gets));
    }

    // The store may lose a value at any time: that is no error, the value is created.
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_value_that_the_getter_does_not_find_is_created(bool withTime, bool throws)
    {
        ValueGetter<int> getter = _store.Getter(withTime);
        await _dogpile.AcquireAsync(() => _store.Set(1), getter, Cancellation);
        _store.Lose(throws);
        DogpileScope<int> scope = await _dogpile.AcquireAsync(() => _store.Set(2), getter, Cancellation);
        Assert.Equal((2, DogpileOutcome.Created), (scope.Value, scope.Outcome));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Others_fall_through_to_what_the_getter_still_finds(bool withTime)
    {
        ValueGetter<int> getter = _store.Getter(withTime);
        await _dogpile.AcquireAsync(() => _store.Set(1), getter, Cancellation);
        _time.Advance(Minute);
        Task<DogpileScope<int>> creating = _dogpile.AcquireAsync(_creator.CreateAsync, getter, Cancellation).AsTask();
        HandDrivenCreator.Begun begun = await _creator.NextAsync(Cancellation);
        int gets = _store.Gets;
        DogpileScope<int> other = await _dogpile.AcquireAsync(_creator.CreateAsync, getter, Cancellation);
        Assert.Equal((1, DogpileOutcome.Stale, gets + 1), (other.Value, other.Outcome, _store.Gets));

        // Gone from the store in the meantime: nothing to fall through to.
        _store.Lose(throws: false);
        Task<DogpileScope<int>> waiting = _dogpile.AcquireAsync(_creator.CreateAsync, getter, Cancellation).AsTask();
        begun.Outcome.SetResult(_store.Set(2));
        Assert.Equal((2, DogpileOutcome.Waited), ((await waiting).Value, (await waiting).Outcome));
        Assert.Equal(gets + 2, _store.Gets);
        await creating;
    }

    // Another process has created the value: this one must not do so again when it starts, and must when that value is too old.
    [Fact]
    public async Task A_getter_that_knows_the_time_decides_by_it()
    {
        _store.Set(1);
        _time.Advance(Minute / 2);
        DogpileScope<int> found = await _dogpile.AcquireAsync(_creator.CreateAsync, _store.Getter(withTime: true), Cancellation);
        Assert.Equal((1, DogpileOutcome.Current, _time.GetUtcNow() - (Minute / 2)), (found.Value, found.Outcome, found.CreatedAt!.Value));

        _time.Advance(Minute / 2);
        DogpileScope<int> expired = await _dogpile.AcquireAsync(() => 2, _store.Getter(withTime: true), Cancellation);
        Assert.Equal((2, DogpileOutcome.Created), (expired.Value, expired.Outcome));
    }

    // Clocks differ: a second from the future is young; a year from the future is a clock that was wrong, and would never expire.
    [Theory]
    [InlineData(1, DogpileOutcome.Current)]
    [InlineData(365 * 86400, DogpileOutcome.Created)]
    public async Task A_time_from_the_future_is_believed_within_reason(int seconds, DogpileOutcome expected)
    {
        ValueGetter<int> getter = ValueGetter<int>.OfValueAndTime(() => ValueLookup<int>.Found(1, _time.GetUtcNow().AddSeconds(seconds)));
        Assert.Equal(expected, (await _dogpile.AcquireAsync(() => 2, getter, Cancellation)).Outcome);
    }

    [Fact]
    public async Task A_value_without_the_time_that_was_promised_counts_as_expired()
    {
        ValueGetter<int> getter = ValueGetter<int>.OfValueAndTime(() => ValueLookup<int>.Found(1));
        Assert.Equal(DogpileOutcome.Created, (await _dogpile.AcquireAsync(() => 2, getter, Cancellation)).Outcome);
    }

    // The classic mistake: the creator returns the value but does not store it. Without a word every process would create for ever.
    [Fact]
    public async Task A_getter_that_does_not_find_what_was_just_created_is_told_so()
    {
        ValueGetter<int> getter = _store.Getter(withTime: false);
        Task<DogpileScope<int>> creating = _dogpile.AcquireAsync(_creator.CreateAsync, getter, Cancellation).AsTask();
        Task<DogpileScope<int>> waiting = _dogpile.AcquireAsync(_creator.CreateAsync, getter, Cancellation).AsTask();
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(1);

        Assert.Equal(1, (await creating).Value);
        CreatedValueNotFoundException e = await Assert.ThrowsAsync<CreatedValueNotFoundException>(() => waiting);
        Assert.Contains("'prices'", e.Message, StringComparison.Ordinal);
        Assert.Contains("must store the value where the getter reads it", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, _store.Gets);
    }

    // Between a caller's get and its turn somebody else may have created: it must not create again, nor ask again.
    [Fact]
    public async Task What_was_created_since_the_get_is_taken()
    {
        TaskCompletionSource<ValueLookup<int>> answer = new();
        ValueGetter<int> slow = ValueGetter<int>.OfValueAndTime(_ => new ValueTask<ValueLookup<int>>(answer.Task));
        Task<DogpileScope<int>> caller = _dogpile.AcquireAsync(_creator.CreateAsync, slow, Cancellation).AsTask();
        await _dogpile.AcquireAsync(() => 1, Cancellation);
        answer.SetResult(ValueLookup<int>.NeedRegeneration);

        Assert.Equal((1, DogpileOutcome.Current), ((await caller).Value, (await caller).Outcome));
        Assert.Equal(0, _creator.Calls);
    }

    [Fact]
    public async Task A_getter_that_fails_fails_its_caller_and_nobody_else()
    {
        ValueGetter<int> broken = ValueGetter<int>.OfValueAndTime(() => throw new TimeZoneNotFoundException());
        await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => _dogpile.AcquireAsync(() => 1, broken, Cancellation).AsTask());
        Assert.Equal(2, (await _dogpile.AcquireAsync(() => 2, Cancellation)).Value);
    }

    private sealed class Store(TimeProvider time)
    {
        private (int Value, DateTimeOffset At)? _stored;
        private bool _throws;

        public int Gets { get; private set; }

        public int Set(int value)
        {
            _stored = (value, time.GetUtcNow());
            return value;
        }

        public void Lose(bool throws) => (_stored, _throws) = (null, throws);

        public ValueGetter<int> Getter(bool withTime) => withTime ? ValueGetter<int>.OfValueAndTime(() => Get(withTime)) : ValueGetter<int>.OfValue(() => Get(withTime));

        private ValueLookup<int> Get(bool withTime)
        {
            Gets++;
            if (_stored is not { } stored)
                return _throws ? throw new NeedRegenerationException() : ValueLookup<int>.NeedRegeneration;
            return withTime ? ValueLookup<int>.Found(stored.Value, stored.At) : ValueLookup<int>.Found(stored.Value);
        }
    }
}
