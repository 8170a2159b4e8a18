namespace Sluice.Dogpiling;

/// <summary>
/// The keys that one call creates with one run of its factory. Each key is a creation of its own that others may join; those that turn out to need the factory
/// meet here, and the last one to come (or to turn out not to need it) runs it for all that have come.
/// </summary>
/// <remarks>
/// A key leaves only when the factory has ended, even if nobody waits for it any more: otherwise somebody else could begin to create it meanwhile. The factory's token
/// is cancelled when all of its keys were left, those too that have not come yet: somebody may wait for one of them alone. As a creation itself the batch stands between its keys and what its factory asks for, so that a factory that asks for
/// one of its own keys is found out.
/// </remarks>
internal sealed class Batch<T>(Func<IReadOnlyList<string>, CancellationToken, ValueTask<IReadOnlyDictionary<string, T>>> factory) : CreationFlow
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, TaskCompletionSource> _expected = [];
    private readonly List<string> _arrived = [];
    private readonly HashSet<string> _leftOut = [];
    private readonly CancellationTokenSource _cancellation = new();
    private readonly TaskCompletionSource<IReadOnlyDictionary<string, T>> _made = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _outstanding;
    private int _wanted;

    public override string Name
    {
        get
        {
            lock (_gate)
                return _arrived.Count == 1 ? _arrived[0] : $"{_arrived[0]} and {_arrived.Count - 1} more keys";
        }
    }

    /// <summary>Announces a key. All are announced before the first one runs.</summary>
    public void Add(string key)
    {
        _expected.Add(key, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _outstanding++;
        _wanted++;
    }

    /// <summary>Completes when a key has come or needs nothing.</summary>
    public Task WhenPlaced(string key) => _expected[key].Task;

    /// <summary>Whether the factory was run for a key and had no value.</summary>
    public bool LeftOut(string key)
    {
        lock (_gate)
            return _leftOut.Contains(key);
    }

    /// <summary>A key's creation has ended, with the factory or without.</summary>
    public void Done(string key) => Place(key, arrives: false);

    /// <summary>A key needs the factory.</summary>
    /// <returns>False when the factory left it out.</returns>
    public async ValueTask<(bool IsThere, T? Value)> CreateAsync(string key, CancellationToken token)
    {
        IReadOnlyDictionary<string, T> made;
        if (Place(key, arrives: true))
        {
            CreationFlow? waiting = BeginWait(this);
            using CancellationTokenRegistration registration = token.UnsafeRegister(static batch => ((Batch<T>)batch!).Unwant(), this);
            try
            {
                StartIfComplete();
                made = await _made.Task.ConfigureAwait(false);
            }
            finally
            {
                EndWait(waiting, this);
            }
        }
        else
        {
            // Its value of the first time was not taken, because its lease was lost: the others are not to be created again.
            made = await factory([key], token).ConfigureAwait(false);
        }

        if (made.TryGetValue(key, out T? value))
            return (true, value);
        lock (_gate)
            _leftOut.Add(key);
        return (false, default);
    }

    private bool Place(string key, bool arrives)
    {
        lock (_gate)
        {
            if (!_expected[key].TrySetResult())
                return false;
            _outstanding--;
            if (arrives)
                _arrived.Add(key);
        }

        if (!arrives)
        {
            StartIfComplete();
            Unwant();
        }

        return true;
    }

    private void StartIfComplete()
    {
        lock (_gate)
        {
            if (_outstanding > 0 || _arrived.Count == 0)
                return;
            _outstanding = int.MaxValue; // started
        }

        _ = RunAsync();
    }

    private void Unwant()
    {
        lock (_gate)
        {
            if (--_wanted > 0)
                return;
        }

        Creations.Cancel(_cancellation);
    }

    private async Task RunAsync()
    {
        Enter();
        try
        {
            _made.SetResult(await factory(_arrived, _cancellation.Token).ConfigureAwait(false)
                ?? throw new InvalidOperationException("The factory of several keys returned null instead of a dictionary."));
        }
        catch (Exception e)
        {
            // It belongs to the keys' creations, each of which waits for it.
            _made.SetException(e);
        }
    }
}

/// <summary>A key that a call has claimed, or whose creation it has joined, and what may be served of it meanwhile.</summary>
internal sealed record ClaimedKey<T>(BatchRequest<T> Request, Creation<CacheEntry<T>?> Creation, CacheEntry<T>? Stale);

/// <summary>What one round of a call of several keys has to do.</summary>
internal sealed class ClaimedKeys<T>(Func<IReadOnlyList<string>, CancellationToken, ValueTask<IReadOnlyDictionary<string, T>>> factory)
{
    /// <summary>Of the keys that are waited for.</summary>
    public Batch<T> Batch { get; } = new(factory);

    /// <summary>Of those whose old value is served meanwhile.</summary>
    public Batch<T> BackgroundBatch { get; } = new(factory);

    public List<ClaimedKey<T>> Waited { get; } = [];

    public List<ClaimedKey<T>> Background { get; } = [];

    /// <summary>Somebody else creates them.</summary>
    public List<ClaimedKey<T>> Joined { get; } = [];

    /// <summary>Somebody else did, for nobody any more.</summary>
    public List<(string Key, IKeyCreation Creation)> Ending { get; } = [];
}

/// <summary>One key of a batch.</summary>
internal sealed class BatchRequest<T>(string key, Batch<T> batch, DogpileEntryOptions options) : CacheRequest<T>(key, options)
{
    public Batch<T> Batch => batch;

    public override async ValueTask<T> CreateAsync(DogpileCreation creation, CancellationToken token)
    {
        (bool isThere, T? value) = await batch.CreateAsync(Key, token).ConfigureAwait(false);
        creation.IsThere = isThere;
        return value!;
    }
}
