using Sluice.Dogpiling;

namespace Sluice;

/// <summary>
/// One value that is expensive to create and wanted by many: one caller creates it, the first ones wait for that, and when it has become too old one
/// creates the next while the others go on with the old.
/// </summary>
/// <typeparam name="TValue">The value.</typeparam>
/// <remarks>
/// All members are thread-safe. The creator runs on the thread of the caller that has to create, until its first await. It belongs to all who wait for it:
/// a caller that gives up leaves it running, the last one to give up cancels its token, and its exception reaches everyone who waited. The value that was
/// created last is kept, also when a getter reads another copy from a store.
/// <para>Taking a value that is young enough (without a getter) takes no lock and allocates nothing.</para>
/// </remarks>
/// <example>
/// <code>
/// Dogpile&lt;Report&gt; dogpile = new(new DogpileOptions { Expiry = TimeSpan.FromHours(1) });
/// using DogpileScope&lt;Report&gt; scope = await dogpile.AcquireAsync(token => BuildReportAsync(token), ct);
/// Show(scope.Value);
/// </code>
/// </example>
public sealed class Dogpile<TValue>
{
    private readonly DogpileCore<TValue> _core;

    /// <summary>A dogpile whose value does not exist yet: the first callers wait.</summary>
    /// <param name="options">Null = the value never expires.</param>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    public Dogpile(DogpileOptions? options = null) => _core = new DogpileCore<TValue>(options ?? new DogpileOptions());

    /// <summary>A dogpile whose value exists already and is as old as this object: nobody waits for the first creation.</summary>
    /// <param name="options">Null = the value never expires.</param>
    /// <param name="initialValue">The value. With a getter that reads it elsewhere: any.</param>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    public Dogpile(DogpileOptions? options, TValue initialValue)
        : this(options) => _core.Begin(initialValue);

    /// <summary>When the value was last created here, or null when it has not been yet.</summary>
    public DateTimeOffset? CreatedAt => _core.CreatedAt;

    /// <summary>Takes the value, and creates it or waits for it if need be.</summary>
    /// <param name="creator">Creates the value. Its token is cancelled when nobody waits any more.</param>
    /// <param name="cancellation">Stops waiting; the creation goes on for the others.</param>
    /// <returns>The value, to be disposed when it is no longer used.</returns>
    /// <exception cref="ReentrantCreationException">The creator asked for its own value.</exception>
    public ValueTask<DogpileScope<TValue>> AcquireAsync(Func<CancellationToken, ValueTask<TValue>> creator, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(creator);
        return _core.TryTake(out DogpileScope<TValue> scope)
            ? new ValueTask<DogpileScope<TValue>>(scope)
            : AcquireAsync(new Access<TValue>(null, creator), cancellation);
    }

    /// <summary>Takes the value, and creates it or waits for it if need be.</summary>
    /// <param name="creator">Creates the value, on the thread of its caller.</param>
    /// <param name="cancellation">Stops waiting; the creation goes on for the others.</param>
    /// <returns>The value, to be disposed when it is no longer used.</returns>
    /// <exception cref="ReentrantCreationException">The creator asked for its own value.</exception>
    public ValueTask<DogpileScope<TValue>> AcquireAsync(Func<TValue> creator, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(creator);
        return _core.TryTake(out DogpileScope<TValue> scope)
            ? new ValueTask<DogpileScope<TValue>>(scope)
            : AcquireAsync(new Access<TValue>(null, Creators.Of(creator)), cancellation);
    }

    /// <summary>Takes the value as the getter reads it, and creates it or waits for it if need be.</summary>
    /// <param name="creator">Creates the value and stores it where the getter reads. Its token is cancelled when nobody waits any more.</param>
    /// <param name="getter">
    /// Reads the value: at most once in an access, not after this access created, and not at all when the dogpile knows that there is nothing to read.
    /// </param>
    /// <param name="cancellation">Stops waiting; the creation goes on for the others.</param>
    /// <returns>The value, to be disposed when it is no longer used.</returns>
    /// <exception cref="CreatedValueNotFoundException">The getter does not find what another caller has just created.</exception>
    /// <exception cref="ReentrantCreationException">The creator asked for its own value.</exception>
    public ValueTask<DogpileScope<TValue>> AcquireAsync(
        Func<CancellationToken, ValueTask<TValue>> creator, ValueGetter<TValue> getter, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(creator);
        ArgumentNullException.ThrowIfNull(getter);
        return AcquireAsync(new Access<TValue>(getter, creator), cancellation);
    }

    /// <summary>Takes the value as the getter reads it, and creates it or waits for it if need be.</summary>
    /// <param name="creator">Creates the value and stores it where the getter reads, on the thread of its caller.</param>
    /// <param name="getter">
    /// Reads the value: at most once in an access, not after this access created, and not at all when the dogpile knows that there is nothing to read.
    /// </param>
    /// <param name="cancellation">Stops waiting; the creation goes on for the others.</param>
    /// <returns>The value, to be disposed when it is no longer used.</returns>
    /// <exception cref="CreatedValueNotFoundException">The getter does not find what another caller has just created.</exception>
    /// <exception cref="ReentrantCreationException">The creator asked for its own value.</exception>
    public ValueTask<DogpileScope<TValue>> AcquireAsync(Func<TValue> creator, ValueGetter<TValue> getter, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(creator);
        return AcquireAsync(Creators.Of(creator), getter, cancellation);
    }

    private async ValueTask<DogpileScope<TValue>> AcquireAsync(Access<TValue> access, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            Decision<TValue> decision = await _core.LookAsync(access, cancellation).ConfigureAwait(false);
            switch (decision.Next)
            {
                case Next.Take:
                    return decision.Snapshot!.Scope(decision.Outcome);
                case Next.AwaitEnd:
                    await decision.Creation!.WaitForEndAsync(cancellation).ConfigureAwait(false);
                    break;
                default:
                    Snapshot<TValue> made = await _core.CreateOrJoinAsync(decision, access, cancellation).ConfigureAwait(false);
                    return await _core.ConcludeAsync(decision, made, access, cancellation).ConfigureAwait(false);
            }
        }
    }
}
