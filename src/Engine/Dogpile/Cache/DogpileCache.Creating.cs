using Sluice.Diagnostics;
using Sluice.Dogpiling;

namespace Sluice;

/// <summary>What happens when a hit does not.</summary>
/// <remarks>
/// A key's place in <c>_creations</c> is the right to create it. It is taken by adding to the dictionary, so one takes it; it is given back after the value was
/// published in the table. Who takes the place therefore looks at the table once more (first thing in <see cref="MakeAsync"/>): a creation that ended between
/// its look and its taking has left its value there.
/// </remarks>
public sealed partial class DogpileCache
{
    private async ValueTask<T> GetSlowAsync<T>(CacheRequest<T> request, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            long epoch = _invalidations.Epoch, now = _clock.Now;
            CacheEntry<T>? stale = FindValid<T>(request.Key);
            bool isYoung = stale is not null && now < stale.Life.ExpiryFor(request.Options);
            if (isYoung && !request.IsForced)
            {
                if (now >= stale!.HitUntil)
                    ConsiderEarly(request, stale, now);
                return stale.Value;
            }

            // A young one that is to be replaced is known by it: what is found in its place later is somebody else's.
            if (stale is not null && !isYoung && !stale.Life.MayServe(request.Options, now))
                stale = null;
            if (stale is not null && now < stale.Life.RetryAt && !request.IsForced)
                return Stale(stale);

            if (TryClaim(request, out Creation<CacheEntry<T>?> creation))
            {
                if (stale is not null && request.Options.RefreshInBackground && !request.IsForced)
                {
                    _ = Task.Run(() => RunAsync(request, creation, stale), CancellationToken.None);
                    return Stale(stale); // counted as a waiter for ever: nobody's leaving ends what runs in the background
                }

                if (request.Options.NeedsPool)
                    _ = Task.Run(() => RunAsync(request, creation, stale), CancellationToken.None);
                else
                    _ = RunAsync(request, creation, stale);
            }
            else if (stale is not null && !request.IsForced)
            {
                return Stale(stale);
            }
            else if (!creation.TryJoin())
            {
                await creation.WaitForEndAsync(cancellation).ConfigureAwait(false);
                continue;
            }

            (bool isThere, T? value) = await WaitAsync(request, creation, stale, isYoung && !stale!.Life.MayServe(request.Options, now) ? null : stale, epoch, now, cancellation).ConfigureAwait(false);
            if (isThere)
                return value!;
        }
    }

    /// <summary>Takes the right to create a key, or finds who has it.</summary>
    private bool TryClaim<T>(CacheRequest<T> request, out Creation<CacheEntry<T>?> creation)
    {
        // Looked for first: those who come while somebody creates are many, and need no object of their own.
        if (!_creations.TryGetValue(request.Key, out IKeyCreation? other))
        {
            creation = new Creation<CacheEntry<T>?>(request.Key);
            other = _creations.GetOrAdd(request.Key, creation);
            if (ReferenceEquals(other, creation))
                return true;
        }

        creation = other as Creation<CacheEntry<T>?> ?? throw WrongType<T>(request.Key);
        return false;
    }

    /// <summary>False when what was made is not for this caller: nothing, or a value that was invalid before it asked, or the one that it wants to be replaced.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="creation">Who creates.</param>
    /// <param name="replaced">What there was.</param>
    /// <param name="stale">The same, if it may be served instead; a young one that is to be replaced may not, unless it also might when it is old.</param>
    /// <param name="epoch">Invalidations until the question.</param>
    /// <param name="asked">When.</param>
    /// <param name="cancellation">Stops waiting.</param>
    private async ValueTask<(bool IsThere, T? Value)> WaitAsync<T>(
        CacheRequest<T> request, Creation<CacheEntry<T>?> creation, CacheEntry<T>? replaced, CacheEntry<T>? stale, long epoch, long asked, CancellationToken cancellation)
    {
        DogpileEntryOptions options = request.Options;
        TimeSpan patience = (stale is null ? options.HardTimeout : options.SoftTimeout) ?? Timeout.InfiniteTimeSpan;
        if (!await creation.TryWaitAsync(patience, _options.TimeProvider, options.GoOnAfterTimeout, cancellation).ConfigureAwait(false))
        {
            return stale is { Life.IsGone: false }
                ? (true, Stale(stale))
                : throw new CreationTimeoutException($"The value of '{request.Key}' was not there after {OptionsCheck.Text(patience)}, and there is no older one to serve. Raise HardTimeout or make the factory faster.");
        }

        CacheEntry<T>? made;
        try
        {
            made = await creation.Outcome.ConfigureAwait(false);
        }
        catch (Exception) when (stale is { Life.IsGone: false } && options.ServeStaleOnError)
        {
            return (true, Stale(stale));
        }

        // A creation that this caller joined at its very end may have made its value before the question: then it must be young enough, as any other.
        // One that shall be replaced must not be what another caller's look into the store found.
        if (made is not null && IsTooOld(made))
            return (false, default);
        if (made is null || (made.Life.Epoch < epoch && _invalidations.Since(made.Life.Epoch, made.Life.Tags) == Invalidation.Hard))
            return (false, default);
        return (true, made.Value);

        // A creation that falls through hands out what there was: for who wants that replaced it is no answer.
        bool IsTooOld(CacheEntry<T> made) => request.IsForced
            ? made.Life.CreatedTicks < asked || ReferenceEquals(made, replaced)
            : made.Life.CreatedTicks < asked && !ReferenceEquals(made, replaced) && _clock.Now >= made.Life.OwnExpiryFor(options);
    }

    private Task RunAsync<T>(CacheRequest<T> request, Creation<CacheEntry<T>?> creation, CacheEntry<T>? stale) => creation.RunAsync(
        (Cache: this, Request: request, Creation: creation, Stale: stale),
        static (call, token) => call.Cache.MakeAsync(call.Request, call.Creation, call.Stale, token),
        static (call, creation, failure) => call.Cache.Settle(call.Request.Key, call.Request.Options, creation, call.Stale, failure));

    private async ValueTask<CacheEntry<T>?> MakeAsync<T>(CacheRequest<T> request, Creation<CacheEntry<T>?> creation, CacheEntry<T>? stale, CancellationToken token)
    {
        // Its place was taken before this look: the disposal's last look finds it there, or is found here.
        Interlocked.MemoryBarrier();
        ObjectDisposedException.ThrowIf(_isClosed, this);
        long epoch = _invalidations.Epoch;

        // One that is refreshed early is still young, and so is its copy in the store: only a later one is what is wanted.
        DateTimeOffset? after = stale is not null && _clock.Now < stale.Life.ExpiryFor(request.Options) ? stale.Life.CreatedAt : null;
        bool wasRefused = false;
        if (FindValid<T>(request.Key) is { } present && !ReferenceEquals(present, stale) && _clock.Now < present.Life.ExpiryFor(request.Options))
            return present;
        if (!request.IsForced && await LoadAsync(request, creation, epoch, after, token).ConfigureAwait(false) is { } loaded)
            return loaded;
        if (request.IsProbe)
            return null;
        while (true)
        {
            if (stale is { Life.IsGone: true })
                stale = null;
            (bool mayCreate, CreationLease? lease) = await EnterAsync(request.Key, waits: stale is null || request.IsForced, token).ConfigureAwait(false);
            if (!mayCreate)
                return stale; // somebody elsewhere creates: this cache falls through
            try
            {
                // Whoever had the lease before may have created it.
                if (lease is not null && !request.IsForced && await LoadAsync(request, creation, epoch, after, token).ConfigureAwait(false) is { } theirs)
                    return theirs;
                (bool isDone, CacheEntry<T>? made) = await CreateAsync(request, creation, lease, epoch, token).ConfigureAwait(false);
                if (isDone || wasRefused)
                    return made; // the second one that came too late goes to those who wait, and nowhere else
                wasRefused = true;
            }
            catch (Exception) when (lease is { LostToken.IsCancellationRequested: true } && !token.IsCancellationRequested)
            {
                // Its token was cancelled, and what a factory throws then need not say so. Not what the callers asked for: somebody else creates by now, and they wait for that one.
                LeaseLost(request.Key);
            }
            finally
            {
                if (lease is not null)
                    await LeaveAsync(lease, request.Key).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Gives a lease back. A mutex that fails at that has no part in the value, which is there.</summary>
    private async ValueTask LeaveAsync(CreationLease lease, string key)
    {
        try
        {
            await lease.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _logger.CreationLeaseNotReleased(e, key);
            _metrics.MutexFailed();
        }
    }

    /// <summary>Takes the right to create from the mutex, if there is one. A mutex that fails costs exclusion and not the callers' value.</summary>
    private async ValueTask<(bool MayCreate, CreationLease? Lease)> EnterAsync(string key, bool waits, CancellationToken token)
    {
        if (_options.Mutex is not { } mutex)
            return (true, null);
        try
        {
            CreationLease? lease = await mutex.AcquireAsync(MutexKey(key), waits, token).ConfigureAwait(false);
            return (lease is not null, lease);
        }
        catch (Exception e) when (!token.IsCancellationRequested)
        {
            _logger.CreationMutexFailed(e, key);
            _metrics.MutexFailed();
            return (true, null);
        }
    }

    /// <summary>Runs the factory. Not done when its value came too late: a later creator's is in the store.</summary>
    private async ValueTask<(bool IsDone, CacheEntry<T>? Made)> CreateAsync<T>(
        CacheRequest<T> request, Creation<CacheEntry<T>?> creation, CreationLease? lease, long epoch, CancellationToken token)
    {
        using CancellationTokenSource? either = lease is { LostToken.CanBeCanceled: true } ? CancellationTokenSource.CreateLinkedTokenSource(token, lease.LostToken) : null;
        DogpileCreation context = new(request.Key, lease?.FencingToken ?? 0, request.Options);
        DateTimeOffset begunAt = _options.TimeProvider.GetUtcNow();
        long began = _clock.Now, stamp = _options.TimeProvider.GetTimestamp();
        T value = await request.CreateAsync(context, either?.Token ?? token).ConfigureAwait(false);
        if (!context.IsThere)
            return (true, null);
        _metrics.Created(_options.TimeProvider.GetElapsedTime(stamp));
        if (!ReferenceEquals(context.Options, request.Options))
            context.Options.Validate();
        CacheEntry<T> made = Entry(request.Key, value, request.Options, context.Options, _options.TimeProvider.GetUtcNow(), age: TimeSpan.Zero, epoch, _clock.Now - began);
        return (await KeepAsync(creation, made, context, lease, begunAt).ConfigureAwait(false), made);
    }

    /// <summary>Keeps a value here and in the store. False when it came too late: somebody else has the right to create, and perhaps has created.</summary>
    /// <remarks>
    /// Once the factory has returned nobody's leaving ends this any more: a write that was sent may be done, and who gave up on it would not know what to undo. The store's own time-outs bound it.
    /// What is superseded is not written; what is superseded while it is written is undone, unless somebody else has written since.
    /// </remarks>
    private async ValueTask<bool> KeepAsync<T>(Creation<CacheEntry<T>?> creation, CacheEntry<T> made, DogpileCreation context, CreationLease? lease, DateTimeOffset begunAt)
    {
        Interlocked.Increment(ref _created);
        if (!context.IsKept || made.Life.Options.ShouldCache?.Invoke(made.Value) == false)
            return true;
        if (_store is null)
        {
            creation.TryPublish((Table: _table, Made: made), static call => call.Table.Set(call.Made));
            return true;
        }

        if (creation.IsSuperseded)
            return true;
        if (lease is { LostToken.IsCancellationRequested: true })
        {
            LeaseLost(made.Key); // the store may have nothing that refuses it: a successor's value that was removed took its token with it
            return false;
        }

        long changes = _changes.Now;
        bool isTaken = await _store.WriteAsync(made, begunAt, context.FencingToken, CancellationToken.None).ConfigureAwait(false);

        // What was made without a lease, since there was none to be had, has no successor to give way to: what is in the store stays there, and this cache goes on with what it has.
        if (!isTaken && lease is not null)
        {
            if (lease.LostToken.IsCancellationRequested || await _store.HasSinceAsync(made.Key, begunAt).ConfigureAwait(false))
            {
                LeaseLost(made.Key);
                return false;
            }

            // It has the lease, and nobody has created since it began: the token in the store is of another sequence. What is created again would be refused again.
            _logger.CreationRefused(made.Key);
        }

        // A write that failed counts as taken: it may have been done.
        if (!creation.TryPublish((Table: _table, Made: made), static call => call.Table.Set(call.Made)))
        {
            if (isTaken)
                await _store.UndoAsync(made, begunAt, context.FencingToken).ConfigureAwait(false);
            return true;
        }

        // Somebody may have changed it in the store between the write there and the publication here.
        if (_changes.HasChanged(changes, _store.NamesOf(made.Key, made.Life.Tags)))
            made.Doubt();
        return true;
    }

    /// <summary>A value from the store that is young enough, and created later than <paramref name="after"/>. One that is too old is put where others fall through to it.</summary>
    private async ValueTask<CacheEntry<T>?> LoadAsync<T>(CacheRequest<T> request, Creation<CacheEntry<T>?> creation, long epoch, DateTimeOffset? after, CancellationToken token)
    {
        if (_store is null)
            return null;
        long changes = _changes.Now;
        StoreAnswer<T> answer = await _store.ReadAsync<T>(request.Key, token).ConfigureAwait(false);
        if (answer.Found is not { } read)
        {
            if (FindValid<T>(request.Key) is not { Life.IsDoubtful: true } doubtful)
                return null;
            if (!answer.IsKnown)
                return Trust(doubtful, request, changes);

            // Somebody has removed it: nobody falls through to it any more.
            doubtful.Life.IsGone = true;
            _table.Remove(doubtful);
            return null;
        }

        Invalidation? mark = _invalidations.Since(read.Stored.BegunAt, read.Stored.Tags);
        if (mark == Invalidation.Hard || read.Stored.CreatedAt <= after)
            return null;
        TimeSpan age = _options.TimeProvider.GetUtcNow() - read.Stored.CreatedAt;
        bool isSound = age > -(request.Options.Expiry ?? TimeSpan.MaxValue);
        CacheEntry<T> entry = Entry(request.Key, read.Value, request.Options, request.Options, read.Stored.CreatedAt, age > TimeSpan.Zero ? age : TimeSpan.Zero, epoch, read.Stored.Cost.Ticks, read.Stored.Tags);
        if (read.Stored.IsExpired || (mark ?? read.Mark) is not null || !isSound)
            entry.Expire();
        long now = _clock.Now;
        bool isFresh = now < entry.Life.ExpiryFor(request.Options);
        if (isFresh || entry.Life.MayServe(request.Options, now))
            creation.TryPublish((Table: _table, Entry: entry), static call => call.Table.Set(call.Entry));
        if (_changes.HasChanged(changes, _store.NamesOf(request.Key, read.Stored.Tags)))
            entry.Doubt(); // what was read may be from before the change
        return isFresh ? entry : null;
    }

    /// <summary>
    /// The store does not answer: a value that is young enough is served on rather than created anew, or every key that is in use would be when the store is away. When it is back, its feed
    /// says that everything may have changed.
    /// </summary>
    private CacheEntry<T>? Trust<T>(CacheEntry<T> doubtful, CacheRequest<T> request, long changes)
    {
        if (!doubtful.Life.IsOnlyDoubtful(request.Options, _clock.Now))
            return null;
        doubtful.Life.IsDoubtful = false;
        if (_changes.HasChanged(changes, _store!.NamesOf(request.Key, doubtful.Life.Tags)))
            doubtful.Doubt();
        return doubtful;
    }

    private void Settle(string key, DogpileEntryOptions options, IKeyCreation creation, CacheEntry? stale, Exception? failure)
    {
        if (failure is not null && creation is { WasLeft: false })
        {
            Interlocked.Increment(ref _failed);
            long now = _clock.Now;
            if (stale is not null)
            {
                _logger.CreationFailed(failure, key);
                if (options.ServeStaleOnError || options.RefreshInBackground || now < stale.Life.ExpiresAt)
                    stale.Life.RetryAt = AgeClock.Later(now, options.ErrorBackoff);
            }
            else if (options.ErrorExpiry is { } life)
            {
                EntryLife terms = _lives.Take();
                terms.AskedWith = terms.Options = options;
                terms.ExpiresAt = AgeClock.Later(now, life);
                terms.Epoch = _invalidations.Epoch;
                terms.Tags = options.Tags;
                _table.Set(new FailedEntry(key, failure, terms));
            }
        }

        _creations.TryRemove(new KeyValuePair<string, IKeyCreation>(key, creation));
    }

    /// <summary>The value's last part of life, in which it may be refreshed early: decides whether this caller starts that.</summary>
    private void ConsiderEarly<T>(CacheRequest<T> request, CacheEntry<T> entry, long now)
    {
        DogpileEntryOptions options = request.Options;
        if (now < entry.Life.RetryAt)
            return;
        bool isDue = options.RefreshAhead is { } ahead && options.Expiry is { } expiry && now >= AgeClock.Later(entry.Life.CreatedTicks, expiry * ahead);
        if (!isDue && (options.EarlyRefreshBeta == 0 || now - (entry.Life.Cost * options.EarlyRefreshBeta * Math.Log(1 - NextDouble())) < entry.Life.ExpiresAt))
            return;
        if (TryClaim(request, out Creation<CacheEntry<T>?> creation))
            _ = Task.Run(() => RunAsync(request, creation, entry), CancellationToken.None);
    }

    private CacheEntry<T> Entry<T>(
        string key, T value, DogpileEntryOptions askedWith, DogpileEntryOptions options, DateTimeOffset createdAt, TimeSpan age, long epoch, long cost, IReadOnlyList<string>? tags = null)
    {
        long created = _clock.Now - age.Ticks;
        TimeSpan? life = options.Expiry is { } expiry && options.Jitter > TimeSpan.Zero ? expiry - (options.Jitter * NextDouble()) : options.Expiry;
        long expires = AgeClock.Later(created, life);

        // -ln of the smallest number that is drawn is below 37: before that much of its cost no early refresh is possible.
        long early = options.EarlyRefreshBeta > 0 && expires != long.MaxValue ? expires - (long)Math.Min(37.0 * options.EarlyRefreshBeta * cost, life!.Value.Ticks) : expires;
        long ahead = options.RefreshAhead is { } part && life is { } whole ? AgeClock.Later(created, whole * part) : expires;
        long near = _store is null ? long.MaxValue : AgeClock.Later(_clock.Now, options.NearExpiry ?? _options.NearExpiry ?? _store.Backstop);
        EntryLife terms = _lives.Take();
        terms.AskedWith = askedWith;
        terms.Options = options;
        terms.CreatedTicks = created;
        terms.CreatedAt = createdAt;
        terms.ExpiresAt = expires;
        terms.NearUntil = near;
        terms.Cost = cost;
        terms.Epoch = epoch;
        terms.Tags = tags ?? options.Tags;
        return new CacheEntry<T>(key, value, terms) { CheckedEpoch = epoch, HitUntil = Math.Min(Math.Min(early, ahead), near) };
    }

    /// <summary>What a key has in memory, unless it was invalidated; what was softly, as expired.</summary>
    private CacheEntry<T>? FindValid<T>(string key)
    {
        if (_table.Find(key) is not { } found)
            return null;
        long epoch = _invalidations.Epoch;
        if (found.CheckedEpoch != epoch)
        {
            switch (_invalidations.Since(found.Life.Epoch, found.Life.Tags))
            {
                case Invalidation.Hard:
                    _table.Remove(found);
                    return null;
                case Invalidation.Soft:
                    found.Expire();
                    break;
                default:
                    if (_invalidations.IsDoubtful(found.CheckedEpoch, found.Life.Tags))
                        found.Doubt();
                    break;
            }

            found.CheckedEpoch = epoch;
        }

        if (found is FailedEntry failed)
        {
            if (_clock.Now < failed.Life.ExpiresAt && failed.Life is { IsExpired: false, IsDoubtful: false })
                failed.Failure.Throw();
            return null;
        }

        return found as CacheEntry<T> ?? throw WrongType<T>(key);
    }

    private T Stale<T>(CacheEntry<T> entry)
    {
        Interlocked.Increment(ref _servedStale);
        return entry.Value;
    }

    private double NextDouble()
    {
        lock (_random)
            return _random.NextDouble();
    }

    private void LeaseLost(string key)
    {
        _logger.CreationLeaseLost(key);
        _metrics.LeaseLost();
    }

    private string MutexKey(string key) => _store?.KeyOf(key) ?? $"{_options.Region}:v:{_options.KeyMangler(key)}";

    private static InvalidOperationException WrongType<T>(string key) =>
        new($"The key '{key}' has a value of another type than {typeof(T)}. Use one type for a key, e.g. by starting the key with what it is about.");
}
