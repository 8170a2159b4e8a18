using System.Runtime.ExceptionServices;

namespace Sluice.Dogpiling;

/// <summary>
/// The protocol of one resource: at most one creation at a time, and for everybody else the old value if there is one, else a wait for the new.
/// </summary>
/// <remarks>
/// <code>
///   who comes                         nobody creates            somebody creates
///   value young enough                take it                   take it
///   value too old                     create, wait for it       take the old one
///   no value                          create, wait for it       wait for it
/// </code>
/// The table is read under the gate (<see cref="Decide"/>), and a decision to create occupies the creation in the same breath, so that two can never
/// decide so. Everything that takes time, the getter, the creator, waiting, happens outside of it. A creation leaves the gate's slot only after its
/// value was published under the gate: who finds the slot empty finds the value too.
/// <para>A value that is young enough is taken without the gate: the snapshot is immutable and published by a volatile write.</para>
/// </remarks>
internal sealed class DogpileCore<TValue>
{
    private readonly Lock _gate = new();
    private readonly DogpileOptions _options;
    private readonly AgeClock _clock;
    private volatile Snapshot<TValue>? _current;
    private Creation<Snapshot<TValue>>? _creation;
    private ExceptionDispatchInfo? _failure;
    private long _failedUntil;

    public DogpileCore(DogpileOptions options)
    {
        options.Validate();
        _options = options;
        _clock = new AgeClock(options.TimeProvider);
    }

    public string Name => _options.Name;

    public DateTimeOffset? CreatedAt => _current?.CreatedAt;

    /// <summary>The creation under way, or null.</summary>
    public CreationFlow? InFlight
    {
        get
        {
            lock (_gate)
                return _creation;
        }
    }

    /// <summary>Says that the value exists, from now on.</summary>
    public void Begin(TValue value) => _current = Born(value, version: 0);

    /// <summary>The hit: no gate, no allocation.</summary>
    public bool TryTake(out DogpileScope<TValue> scope)
    {
        if (_current is { } current && current.IsFresh(_clock))
        {
            scope = current.Scope(DogpileOutcome.Current);
            return true;
        }

        scope = default;
        return false;
    }

    /// <summary>Finds out what an access has to do; asks the getter where that takes it.</summary>
    public async ValueTask<Decision<TValue>> LookAsync(Access<TValue> access, CancellationToken cancellation)
    {
        if (access.Getter is { KnowsCreationTime: true } && !access.HasAsked && await AskAsync(access, cancellation).ConfigureAwait(false) is { } found)
        {
            if (found.IsFresh(_clock))
                return new Decision<TValue>(Next.Take, DogpileOutcome.Current, found, null);
            access.Old = found;
        }

        while (true)
        {
            Decision<TValue> decision = Decide(access);
            if (decision.Next != Next.Ask)
                return decision;
            if (await AskAsync(access, cancellation).ConfigureAwait(false) is { } answer)
                return decision with { Next = Next.Take, Snapshot = answer with { CreatedAt = decision.Snapshot!.CreatedAt } };
        }
    }

    /// <summary>Creates, or waits for who creates.</summary>
    public async ValueTask<Snapshot<TValue>> CreateOrJoinAsync(Decision<TValue> decision, Access<TValue> access, CancellationToken cancellation)
    {
        Creation<Snapshot<TValue>> creation = decision.Creation!;
        if (decision.Next == Next.Create)
            _ = creation.RunAsync((Core: this, Access: access), static (call, token) => call.Core.CreateAsync(call.Access, token), static (call, creation, failure) => call.Core.Settle(call.Access, creation, failure));
        return await creation.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>The value of an access after the creation that it waited for.</summary>
    public async ValueTask<DogpileScope<TValue>> ConcludeAsync(Decision<TValue> decision, Snapshot<TValue> made, Access<TValue> access, CancellationToken cancellation)
    {
        DogpileOutcome outcome = decision.Next == Next.Create ? DogpileOutcome.Created : DogpileOutcome.Waited;
        if (outcome == DogpileOutcome.Waited && access.Getter is not null && !access.HasAsked)
        {
            // The getter's value is this caller's own view, which it has not had yet; what the creator returned is the creator's.
            Snapshot<TValue> answer = await AskAsync(access, cancellation).ConfigureAwait(false) ?? throw CreatedValueNotFoundException.For(Name);
            return new DogpileScope<TValue>(answer.Value, answer.CreatedAt ?? made.CreatedAt, outcome);
        }

        // The next creation may have ended meanwhile, and what it replaced may be gone.
        return (_current is { } current && current.Version > made.Version ? current : made).Scope(outcome);
    }

    private Decision<TValue> Decide(Access<TValue> access)
    {
        lock (_gate)
        {
            Snapshot<TValue>? own = _current;
            bool isFresh = own is not null && own.IsFresh(_clock);
            bool mayAsk = access.Getter is { KnowsCreationTime: false } && !access.HasAsked && own is not null;
            if (access.Getter is null || (access.HasAsked && own is not null && own.Version > access.VersionWhenAsked))
            {
                if (isFresh)
                    return new Decision<TValue>(Next.Take, DogpileOutcome.Current, own, null);
                access.Old = own;
            }
            else if (mayAsk && isFresh)
            {
                return new Decision<TValue>(Next.Ask, DogpileOutcome.Current, own, null);
            }

            bool hasFailed = _creation is null && _failure is not null && _clock.Now < _failedUntil;
            if (_creation is null && !hasFailed)
            {
                _failure = null;
                _creation = new Creation<Snapshot<TValue>>(Name);
                return new Decision<TValue>(Next.Create, default, null, _creation);
            }

            if (access.Old is { } old)
                return new Decision<TValue>(Next.Take, DogpileOutcome.Stale, old, null);
            if (mayAsk)
                return new Decision<TValue>(Next.Ask, DogpileOutcome.Stale, own, null);
            if (hasFailed)
                _failure!.Throw();
            return new Decision<TValue>(_creation!.TryJoin() ? Next.Join : Next.AwaitEnd, default, null, _creation);
        }
    }

    private async ValueTask<Snapshot<TValue>?> AskAsync(Access<TValue> access, CancellationToken cancellation)
    {
        access.VersionWhenAsked = _current?.Version ?? 0;
        access.HasAsked = true;
        ValueLookup<TValue> lookup = await access.Getter!.GetAsync(cancellation).ConfigureAwait(false);
        return lookup.IsFound ? new Snapshot<TValue>(lookup.Value, lookup.CreatedAt, ExpiryOf(lookup.CreatedAt), access.VersionWhenAsked) : null;
    }

    /// <summary>Turns a time of the wall clock, perhaps another machine's, into one of this clock.</summary>
    private long ExpiryOf(DateTimeOffset? createdAt)
    {
        if (_options.Expiry is not { } expiry)
            return long.MaxValue;
        if (createdAt is not { } created)
            return long.MinValue;

        // Clocks of machines differ a little, so a value may come from the future. From further ahead than it may live it says nothing about its age.
        // The age clock is read first: time that goes by between the two must not make the value look younger than it is.
        long now = _clock.Now;
        TimeSpan age = _options.TimeProvider.GetUtcNow() - created;
        return age < -expiry ? long.MinValue : AgeClock.Later(now, expiry - (age > TimeSpan.Zero ? age : TimeSpan.Zero));
    }

    private async ValueTask<Snapshot<TValue>> CreateAsync(Access<TValue> access, CancellationToken token)
    {
        TValue value = await access.Creator(token).ConfigureAwait(false);
        lock (_gate)
        {
            // One breath: whoever was counted in before asked before this moment, so nobody waits and is given what was too old when he asked; and who finds the
            // place free finds the value.
            _creation = null;
            return _current = Born(value, (_current?.Version ?? 0) + 1);
        }
    }

    private Snapshot<TValue> Born(TValue value, long version)
    {
        // In this order: a value is never served past the creation time that it shows plus its expiry, however long the thread pauses in between.
        long expiresAt = AgeClock.Later(_clock.Now, _options.Expiry);
        return new Snapshot<TValue>(value, _options.TimeProvider.GetUtcNow(), expiresAt, version);
    }

    private void Settle(Access<TValue> access, Creation<Snapshot<TValue>> creation, Exception? failure)
    {
        if (failure is not null)
        {
            lock (_gate)
            {
                _creation = null;
                if (_options.ErrorExpiry is { } life && !creation.WasLeft)
                {
                    _failure = ExceptionDispatchInfo.Capture(failure);
                    _failedUntil = AgeClock.Later(_clock.Now, life);
                }
            }
        }

        access.Published?.Invoke();
    }
}
