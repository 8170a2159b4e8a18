namespace Sluice;

/// <summary>What became of a release.</summary>
public enum DereferenceOutcome
{
    /// <summary>Others hold the resource: another reference of this engine, or another engine.</summary>
    StillReferenced = 0,

    /// <summary>It was the last reference; the callback has run here and has succeeded.</summary>
    LastOut = 1,

    /// <summary>It was the last reference; the callback has failed here. The registered handler runs it again after a back-off, here or elsewhere, until its attempts are used up.</summary>
    LastOutFailed = 2,

    /// <summary>
    /// It was the last reference, and the registered handler has the callback, here or elsewhere: after the callback of the generation before, which has not succeeded
    /// yet, or because this engine lost its claim.
    /// </summary>
    LastOutElsewhere = 3,

    /// <summary>
    /// There was nothing to give back: the engine had been taken for dead and its references had been taken back, or it was stopping and has let go by itself. Whoever
    /// was last then runs the callback.
    /// </summary>
    NotHeld = 4,
}

/// <summary>A reference to a resource. Dispose it, or call <see cref="ReleaseAsync"/> to learn whether it was the last.</summary>
/// <remarks>Thread-safe. Abstract so that applications can replace it in their tests.</remarks>
public abstract class Reference : IAsyncDisposable
{
    /// <summary>The resource.</summary>
    public abstract string Key { get; }

    /// <summary>False once it was released, or lost.</summary>
    public abstract bool IsHeld { get; }

    /// <summary>
    /// Cancelled when the engine learns that it had been taken for dead (it was away for longer than <see cref="EngineOptions.LeaseDuration"/>) or that the server has
    /// lost writes: for a while the resource was not referenced by this engine, and the callback may have run. The engine has taken a new reference, which
    /// <see cref="ReleaseAsync"/> gives back; whoever must not work with what the callback has cleaned up begins anew. Also cancelled when the engine stops and lets go.
    /// </summary>
    public abstract CancellationToken LostToken { get; }

    /// <summary>
    /// Says that this engine has modified the resource: counted once for each engine and generation, however often it is called. Returns when the coordinator has it.
    /// </summary>
    /// <param name="cancellation">Stops waiting; it is counted all the same.</param>
    /// <exception cref="InvalidOperationException">The reference was released.</exception>
    /// <exception cref="EngineFaultException">The engine's lane to the coordinator has ended by a fault.</exception>
    /// <exception cref="ObjectDisposedException">The engine is stopping.</exception>
    public abstract ValueTask MarkModifiedAsync(CancellationToken cancellation = default);

    /// <summary>
    /// Lets go. If it was the last reference of all engines, runs a callback and returns when that has ended; with <see cref="EngineOptions.DurabilityWindow"/> it
    /// begins after the window. A repeated call returns what the first one did.
    /// </summary>
    /// <param name="onLast">
    /// Runs instead of the registered handler if this was the last reference. If it throws, or this process dies in it, the registered handler runs next. Null = the
    /// registered handler. The token is cancelled when the claim was lost: another engine runs the handler then.
    /// </param>
    /// <param name="cancellation">Stops waiting; the release and its callback go on.</param>
    /// <exception cref="EngineFaultException">The engine's lane to the coordinator has ended by a fault. The reference is taken back with the engine's lease.</exception>
    /// <exception cref="ObjectDisposedException">The engine was dropped before the coordinator had the release. The reference is taken back with the engine's lease.</exception>
    public abstract ValueTask<DereferenceOutcome> ReleaseAsync(Func<LastRelease, CancellationToken, ValueTask>? onLast = null, CancellationToken cancellation = default);

    /// <summary>Releases, if that has not been done, with the registered handler. Never throws because of the coordinator or the engine's state.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        try
        {
            await ReleaseAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is EngineFaultException or ObjectDisposedException)
        {
            // The engine is at its end: its references are taken back with its lease.
        }
    }
}
