namespace Sluice;

/// <summary>
/// References to named resources, counted over all engines that share a coordinator: <see cref="SluiceEngine.References"/>. Whoever lets go last runs a callback, in
/// exactly one engine at a time, until it has succeeded once.
/// </summary>
/// <remarks>
/// Thread-safe. A key has 1 to 512 bytes of UTF-8. All methods throw <see cref="CoordinatorException"/> when the coordinator does not answer a question until the time-out;
/// taking and giving back a reference goes on until there is an answer.
/// </remarks>
public interface IReferenceSet
{
    /// <summary>Its name: engines with sets of one name share their references.</summary>
    string Name { get; }

    /// <summary>
    /// Takes a reference. It holds until it is released, the engine stops, or the engine is taken for dead. All references of one engine to one key count once: only
    /// the first asks the coordinator, and only the last to be released lets go there.
    /// </summary>
    /// <param name="key">The resource.</param>
    /// <param name="cancellation">Stops waiting; what was taken is given back.</param>
    /// <exception cref="ArgumentException">The key is empty, too long, or not valid Unicode.</exception>
    /// <exception cref="EngineFaultException">The engine's lane to the coordinator has ended by a fault.</exception>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    ValueTask<Reference> AcquireAsync(string key, CancellationToken cancellation = default);

    /// <summary>How many engines hold the resource. One that died counts until it has been noticed.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask<int> CountAsync(string key, CancellationToken cancellation = default);

    /// <summary>What the coordinator knows of the resource, at one moment.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask<ReferencedResource> InspectAsync(string key, CancellationToken cancellation = default);

    /// <summary>Which engines hold the resource.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask<IReadOnlyList<ReferenceHolder>> HoldersAsync(string key, CancellationToken cancellation = default);

    /// <summary>The mutex of this resource, for whoever changes what it names: one holder at a time among those who ask for it here.</summary>
    /// <param name="key">The resource; its name and the set's together up to 500 bytes.</param>
    /// <param name="options">How it is used; null = the defaults.</param>
    /// <exception cref="NotSupportedException">The coordinator has no locks.</exception>
    IMutex LockOf(string key, LockOptions? options = null);

    /// <summary>
    /// Runs the callback now, although others may hold the resource: what they hold from now on is the next generation, whose last release runs the callback again.
    /// Nothing happens when nobody holds it. Returns when the coordinator has it; the callback follows, in one of the engines.
    /// </summary>
    /// <param name="key">The resource; this engine need not hold it.</param>
    /// <param name="cancellation">Stops waiting; the generation ends all the same.</param>
    /// <exception cref="EngineFaultException">The engine's lane to the coordinator has ended by a fault.</exception>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    ValueTask ExpireAsync(string key, CancellationToken cancellation = default);

    /// <summary>Lists what ended with a callback that failed for the last time.</summary>
    /// <param name="limit">The most of each partition, 1 or more.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask<IReadOnlyList<DeadLetter>> ListDeadLettersAsync(int limit = 100, CancellationToken cancellation = default);

    /// <summary>Has the callback of a dead letter run again.</summary>
    /// <param name="letter">One of <see cref="ListDeadLettersAsync"/>.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>False when it is gone, or when another callback of the resource is under way.</returns>
    ValueTask<bool> ReplayDeadLetterAsync(DeadLetter letter, CancellationToken cancellation = default);

    /// <summary>Deletes a dead letter for good. Callbacks that waited behind it go on.</summary>
    /// <param name="letter">One of <see cref="ListDeadLettersAsync"/>.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>False when it was gone.</returns>
    ValueTask<bool> PurgeDeadLetterAsync(DeadLetter letter, CancellationToken cancellation = default);
}

/// <summary>A resource as the coordinator knows it.</summary>
/// <param name="Count">How many engines hold it.</param>
/// <param name="TimesModified">How many memberships (an engine that holds it) have called <see cref="Reference.MarkModifiedAsync"/> in this generation.</param>
/// <param name="Generation">The number of what is held now: from the first reference to the last release. 0 = nobody holds it.</param>
/// <param name="IsCallbackPending">The callback of an earlier generation has not succeeded yet.</param>
public sealed record ReferencedResource(int Count, long TimesModified, long Generation, bool IsCallbackPending);

/// <summary>An engine that holds a resource.</summary>
/// <param name="Process">Who it is: <see cref="EngineLockOptions.Description"/> of its options, by default machine and process id.</param>
/// <param name="Since">When it took its first reference, by the coordinator's clock.</param>
/// <param name="LastSeen">When the coordinator last heard of it; null when it was found dead, and its reference is about to be taken back.</param>
public sealed record ReferenceHolder(string Process, DateTimeOffset Since, DateTimeOffset? LastSeen);
