using System.Text;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>Creations whose value is not wanted any more when it is there: invalidated, set by hand, or made without the right to.</summary>
public sealed class LateCreatorTests : IAsyncDisposable
{
    private const string Name = "dogpile:v:key";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly DogpileEntryOptions Hour = new() { Expiry = TimeSpan.FromHours(1) };

    private readonly HandDrivenTimeProvider _time = new();
    private readonly HandDrivenCreator _creator = new();
    private readonly MemoryDogpileStore _memory;
    private readonly List<DogpileCache> _caches = [];

    public LateCreatorTests() => _memory = new MemoryDogpileStore(_time);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (DogpileCache cache in _caches)
            await cache.DisposeAsync();
    }

    // The row was changed while the value was made: for the moment between the write and its removal all processes would load what was made from the old row.
    [Fact]
    public async Task What_was_removed_while_it_was_made_is_not_written()
    {
        HookedStore store = new(_memory);
        DogpileCache cache = Cache(store);
        Task<int> asked = CreateAsync(cache);
        HandDrivenCreator.Begun begun = await _creator.NextAsync(Cancellation);
        await cache.RemoveAsync("key", Cancellation);
        begun.Outcome.SetResult(1);
        Assert.Equal(1, await asked);
        Assert.Equal(0, store.Writes);
    }

    // The last one who waits leaves between the write and its removal: the value from before the invalidation would stay.
    [Fact]
    public async Task A_write_that_nobody_waits_for_is_undone_all_the_same()
    {
        HookedStore store = new(_memory);
        DogpileCache cache = Cache(store);
        using CancellationTokenSource impatient = new();
        store.AfterWrite = async token =>
        {
            await cache.RemoveAsync("other", Cancellation);
            await cache.RemoveAsync("key", Cancellation);
            await _memory.SetAsync(Name, store.Written!, Cancellation); // it arrives after the removal
            await impatient.CancelAsync();
            token.ThrowIfCancellationRequested();
        };
        Task<int> asked = cache.GetOrCreateAsync("key", _creator.CreateAsync, Hour, impatient.Token).AsTask();
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(1);
        await Record.ExceptionAsync(() => asked);
        await cache.DisposeAsync();
        Assert.Null(await _memory.GetAsync(Name, Cancellation));
    }

    // The store's trouble is not the callers': they would get its exception, and ErrorExpiry would keep it.
    [Fact]
    public async Task A_store_that_can_not_remove_costs_nobody_a_value()
    {
        HookedStore store = new(_memory);
        DogpileCache cache = Cache(store);
        store.AfterWrite = async _ =>
        {
            store.IsStuck = true;
            await Assert.ThrowsAsync<TimeoutException>(() => cache.RemoveAsync("key", Cancellation).AsTask());
        };
        Task<int> asked = CreateAsync(cache);
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(1);
        Assert.Equal(1, await asked);
    }

    // Without a mutex tokens don't tell who is later: the creation would overwrite what was set, and then delete it.
    [Fact]
    public async Task What_was_set_by_hand_stays_in_the_store_when_a_creation_ends()
    {
        DogpileCache cache = Cache(_memory);
        Task<int> asked = CreateAsync(cache);
        HandDrivenCreator.Begun begun = await _creator.NextAsync(Cancellation);
        await cache.SetAsync("key", 7, Hour, Cancellation);
        begun.Outcome.SetResult(1);
        Assert.Equal(1, await asked);
        Assert.Equal("7", await StoredAsync());
    }

    // What is undone is its own: a value that another process has written meanwhile is not in the way.
    [Fact]
    public async Task An_undone_write_leaves_a_successors_value()
    {
        HookedStore store = new(_memory);
        DogpileCache cache = Cache(store), other = Cache(_memory);
        store.AfterWrite = async _ =>
        {
            await cache.RemoveAsync("key", Cancellation);
            _time.Advance(TimeSpan.FromSeconds(1));
            await other.SetAsync("key", 2, Hour, Cancellation);
        };
        Task<int> asked = CreateAsync(cache);
        (await _creator.NextAsync(Cancellation)).Outcome.SetResult(1);
        Assert.Equal(1, await asked);
        Assert.Equal("2", await StoredAsync());
    }

    // Its successor's value was removed, and the token that would have refused the late one with it.
    [Fact]
    public async Task A_creator_that_lost_its_lease_does_not_write_where_its_successors_value_was_removed()
    {
        LosableMutex mutex = new();
        HookedStore store = new(_memory);
        DogpileCache slow = Cache(store, mutex), quick = Cache(_memory, mutex);
        Task<int> asked = CreateAsync(slow);
        HandDrivenCreator.Begun late = await _creator.NextAsync(Cancellation);
        await mutex.LoseAsync();
        Assert.Equal(2, await quick.GetOrCreateAsync("key", static _ => ValueTask.FromResult(2), Hour, Cancellation));
        await quick.RemoveAsync("key", Cancellation);
        late.Outcome.SetResult(1);
        HandDrivenCreator.Begun anew = await _creator.NextAsync(Cancellation).AsTask().WaitAsync(Patience, Cancellation);
        Assert.Equal(0, store.Writes);
        anew.Outcome.SetResult(3);
        Assert.Equal(3, await asked);
        Assert.Equal("3", await StoredAsync());
    }

    // The folder of a file mutex was emptied, or another kind of mutex came: each value would be refused and made again, without a pause, until the old one is gone.
    [Fact]
    public async Task Tokens_that_began_anew_cost_the_store_and_no_creations()
    {
        using TemporaryFolder folder = new();
        DogpileCache cache = Cache(_memory, new FileCreationMutex(folder.Path));
        await _memory.SetAsync(Name, Stored("1", token: 1000) with { IsExpired = true }, Cancellation);
        _time.Advance(TimeSpan.FromSeconds(1));
        int creations = 0;
        for (int i = 0; i < 2; i++)
            Assert.Equal(1, await cache.GetOrCreateAsync("key", CountAsync, Hour, Cancellation));
        Assert.Equal("1000", (await _memory.GetAsync(Name, Cancellation))!.FencingToken.ToString(System.Globalization.CultureInfo.InvariantCulture));

        ValueTask<int> CountAsync(CancellationToken token) =>
            ++creations > 10 ? throw new InvalidOperationException("It goes in circles.") : ValueTask.FromResult(creations);
    }

    // The same state: what is set by hand is for all processes.
    [Fact]
    public async Task What_is_set_by_hand_reaches_the_store_when_tokens_began_anew()
    {
        using TemporaryFolder folder = new();
        FileCreationMutex mutex = new(folder.Path);
        await _memory.SetAsync(Name, Stored("1", token: 1000), Cancellation);
        await Cache(_memory, mutex).SetAsync("key", 2, Hour, Cancellation);
        Assert.Equal("2", await StoredAsync());
        Assert.Equal(2, await Cache(_memory, mutex).GetOrCreateAsync("key", static _ => ValueTask.FromResult(-1), Hour, Cancellation));
    }

    // A store outlives processes: the next one's tokens must be higher than those that it finds there.
    [Fact]
    public async Task Tokens_of_a_process_are_higher_than_those_of_the_one_before_it()
    {
        long last = 0;
        for (int process = 0; process < 3; process++)
        {
            InProcessCreationMutex mutex = new(_time);
            for (int i = 0; i < 100; i++)
            {
                await using CreationLease? lease = await mutex.AcquireAsync("key", waits: true, Cancellation);
                Assert.True(lease!.FencingToken > last);
                last = lease.FencingToken;
            }

            _time.Advance(TimeSpan.FromSeconds(1));
        }
    }

    // A disk that is full, or a link that leads nowhere, does not pass by waiting: the caller would hang, and nobody hear of it.
    [Fact]
    public async Task A_file_that_can_not_be_opened_is_not_taken_for_one_that_somebody_has()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A link in a circle needs rights there.");
        using TemporaryFolder folder = new();
        FileCreationMutex mutex = new(folder.Path);
        await (await mutex.AcquireAsync("key", waits: true, Cancellation))!.DisposeAsync();
        string file = Assert.Single(Directory.GetFiles(folder.Path));
        File.Delete(file);
        File.CreateSymbolicLink(file, file);
        await Assert.ThrowsAsync<IOException>(() => mutex.AcquireAsync("key", waits: true, Cancellation).AsTask().WaitAsync(Patience, Cancellation));
    }

    private DogpileCache Cache(IDogpileStore store, ICreationMutex? mutex = null)
    {
        DogpileCache cache = new(new DogpileCacheOptions { Store = store, Mutex = mutex, TimeProvider = _time });
        _caches.Add(cache);
        return cache;
    }

    private Task<int> CreateAsync(DogpileCache cache) => cache.GetOrCreateAsync("key", _creator.CreateAsync, Hour, Cancellation).AsTask();

    private StoredValue Stored(string text, long token) => new(Encoding.UTF8.GetBytes(text), _time.GetUtcNow(), _time.GetUtcNow(), null, token, []);

    private async Task<string?> StoredAsync() => await _memory.GetAsync(Name, Cancellation) is { } stored ? Encoding.UTF8.GetString(stored.Payload.Span) : null;

    private sealed class HookedStore(IDogpileStore inner) : DogpileStoreProxy(inner)
    {
        /// <summary>Runs once, when a value was written and the writer does not know it yet.</summary>
        public Func<CancellationToken, Task>? AfterWrite { get; set; }

        public int Writes { get; private set; }

        public StoredValue? Written { get; private set; }

        /// <summary>Whether it removes nothing any more.</summary>
        public bool IsStuck { get; set; }

        public override async ValueTask<bool> SetAsync(string key, StoredValue value, CancellationToken cancellation)
        {
            Writes++;
            Written = value;
            bool isTaken = await base.SetAsync(key, value, cancellation);
            Func<CancellationToken, Task>? after = AfterWrite;
            AfterWrite = null;
            if (after is not null)
                await after(cancellation);
            return isTaken;
        }

        public override ValueTask RemoveAsync(string key, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            return IsStuck ? throw new TimeoutException() : base.RemoveAsync(key, cancellation);
        }
    }

    /// <summary>One lease at a time, which can be lost.</summary>
    private sealed class LosableMutex : ICreationMutex
    {
        private readonly InProcessCreationMutex _inner = new();
        private Held? _current;

        public async ValueTask<CreationLease?> AcquireAsync(string key, bool waits, CancellationToken cancellation) =>
            await _inner.AcquireAsync(key, waits, cancellation) is { } lease ? _current = new Held(lease) : null;

        public async Task LoseAsync()
        {
            Held lost = _current!;
            await lost.Lost.CancelAsync();
            await lost.DisposeAsync();
        }

        private sealed class Held(CreationLease inner) : CreationLease
        {
            public CancellationTokenSource Lost { get; } = new();

            public override long FencingToken => inner.FencingToken;

            public override CancellationToken LostToken => Lost.Token;

            public override ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
