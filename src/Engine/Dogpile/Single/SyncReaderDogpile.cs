using Sluice.Dogpiling;

namespace Sluice;

/// <summary>
/// A dogpile whose value is replaced in place: the creator can wait until nobody reads the old one, and hold new readers back while it replaces it.
/// </summary>
/// <typeparam name="TValue">The value.</typeparam>
/// <remarks>
/// As <see cref="Dogpile{TValue}"/>, and: a scope is a reader's section, so dispose it soon, and before asking for another one of the same dogpile
/// (a writer that waits for the first section would hold the second one back). A value is read inside of its section: what a reader holds is what was
/// published last. All members are thread-safe; a section may end on another thread than it began on.
/// </remarks>
/// <example>
/// <code>
/// using DogpileScope&lt;Index&gt; scope = await dogpile.AcquireAsync(
///     async (write, token) =>
///     {
///         await DownloadAsync("index.new", token);   // readers go on with the old one
///         await write.EnterAsync(token);             // now nobody reads
///         File.Move("index.new", "index", overwrite: true);
///         return Index.Open("index");
///     },
///     ct);
/// </code>
/// </example>
public sealed class SyncReaderDogpile<TValue>
{
    private readonly DogpileCore<TValue> _core;
    private readonly AsyncReaderWriterLock _readers = new();

    /// <summary>A dogpile whose value does not exist yet: the first callers wait.</summary>
    /// <param name="options">Null = the value never expires.</param>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    public SyncReaderDogpile(DogpileOptions? options = null) => _core = new DogpileCore<TValue>(options ?? new DogpileOptions());

    /// <summary>A dogpile whose value exists already and is as old as this object: nobody waits for the first creation.</summary>
    /// <param name="options">Null = the value never expires.</param>
    /// <param name="initialValue">The value.</param>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    public SyncReaderDogpile(DogpileOptions? options, TValue initialValue)
        : this(options) => _core.Begin(initialValue);

    /// <summary>When the value was last created here, or null when it has not been yet.</summary>
    public DateTimeOffset? CreatedAt => _core.CreatedAt;

    internal AsyncReaderWriterLock Readers => _readers;

    internal CreationFlow? InFlight => _core.InFlight;

    /// <summary>Enters a reader's section with the value, creating it or waiting for it if need be.</summary>
    /// <param name="creator">Creates the value; enters the write phase it is given before it replaces what readers use.</param>
    /// <param name="cancellation">Stops waiting; the creation goes on for the others.</param>
    /// <returns>The section, which ends with its disposal.</returns>
    /// <exception cref="ReentrantCreationException">The creator asked for its own value.</exception>
    public ValueTask<DogpileScope<TValue>> AcquireAsync(
        Func<WritePhase, CancellationToken, ValueTask<TValue>> creator, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(creator);
        return AcquireCoreAsync(creator, null, cancellation);
    }

    /// <summary>Enters a reader's section with the value as the getter reads it in there, creating it or waiting for it if need be.</summary>
    /// <param name="creator">Creates the value; enters the write phase it is given before it replaces what readers use.</param>
    /// <param name="getter">Reads the value, inside the section: at most once in an access, and not after this access created.</param>
    /// <param name="cancellation">Stops waiting; the creation goes on for the others.</param>
    /// <returns>The section, which ends with its disposal.</returns>
    /// <exception cref="CreatedValueNotFoundException">The getter does not find what another caller has just created.</exception>
    /// <exception cref="ReentrantCreationException">The creator asked for its own value.</exception>
    public ValueTask<DogpileScope<TValue>> AcquireAsync(
        Func<WritePhase, CancellationToken, ValueTask<TValue>> creator, ValueGetter<TValue> getter, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(creator);
        ArgumentNullException.ThrowIfNull(getter);
        return AcquireCoreAsync(creator, getter, cancellation);
    }

    private async ValueTask<DogpileScope<TValue>> AcquireCoreAsync(
        Func<WritePhase, CancellationToken, ValueTask<TValue>> creator, ValueGetter<TValue>? getter, CancellationToken cancellation)
    {
        WritePhase write = new(_readers);
        Access<TValue> access = new(getter, token => creator(write, token), write.Leave);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();

            // First the section, then the look: whoever looks and then enters may hold what a writer took away in between.
            ReaderSection section = await EnterAsync(cancellation).ConfigureAwait(false);
            Decision<TValue> decision;
            try
            {
                decision = await _core.LookAsync(access, cancellation).ConfigureAwait(false);
            }
            catch
            {
                section.Dispose();
                throw;
            }

            if (decision.Next == Next.Take)
                return decision.Snapshot!.Scope(decision.Outcome).Within(section);

            // Not one step further inside: the creation, this caller's too, may wait for readers to leave.
            section.Dispose();
            if (decision.Next == Next.AwaitEnd)
            {
                await decision.Creation!.WaitForEndAsync(cancellation).ConfigureAwait(false);
                continue;
            }

            Snapshot<TValue> made = await _core.CreateOrJoinAsync(decision, access, cancellation).ConfigureAwait(false);
            section = await EnterAsync(cancellation).ConfigureAwait(false);
            try
            {
                return (await _core.ConcludeAsync(decision, made, access, cancellation).ConfigureAwait(false)).Within(section);
            }
            catch
            {
                section.Dispose();
                throw;
            }
        }
    }

    private async ValueTask<ReaderSection> EnterAsync(CancellationToken cancellation)
    {
        if (!_readers.TryEnterRead())
        {
            // Only creators write: who is held back waits for the creation under way, and must not be a part of it.
            CreationFlow? creation = _core.InFlight;
            CreationFlow? waiting = creation is null ? null : CreationFlow.BeginWait(creation);
            try
            {
                await _readers.EnterReadAsync(cancellation).ConfigureAwait(false);
            }
            finally
            {
                if (creation is not null)
                    CreationFlow.EndWait(waiting, creation);
            }
        }

        return new ReaderSection(_readers);
    }
}
