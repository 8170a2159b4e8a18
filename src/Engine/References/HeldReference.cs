namespace Sluice.Referencing;

/// <summary>A reference of the application to a key that this engine holds.</summary>
internal sealed class HeldReference(ReferenceTable table, LocalReference local, string set, string key, CancellationToken lost) : Reference
{
    private readonly Lock _gate = new();
    private Task<DereferenceOutcome>? _release;

    public override string Key => key;

    public override bool IsHeld => Volatile.Read(ref _release) is null && !lost.IsCancellationRequested && !local.IsOver;

    public override CancellationToken LostToken => lost;

    public override async ValueTask MarkModifiedAsync(CancellationToken cancellation = default)
    {
        if (Volatile.Read(ref _release) is not null)
            throw new InvalidOperationException($"The reference to '{key}' was released.");
        await table.MarkModifiedAsync(local).WaitAsync(cancellation).ConfigureAwait(false);
    }

    public override async ValueTask<DereferenceOutcome> ReleaseAsync(
        Func<LastRelease, CancellationToken, ValueTask>? onLast = null, CancellationToken cancellation = default)
    {
        Task<DereferenceOutcome> release;
        lock (_gate)
            release = _release ??= ReleaseAsync(onLast is null ? null : new LastReleaseHandler(set, onLast));
        return await release.WaitAsync(cancellation).ConfigureAwait(false);
    }

    private Task<DereferenceOutcome> ReleaseAsync(LastReleaseHandler? handler)
    {
        Task<DereferenceOutcome> release = table.ReleaseAsync(local, handler);

        // Whoever waited may have given up: then nobody looks at the error of an engine that has ended meanwhile, which is no fault.
        _ = release.ContinueWith(static failed => _ = failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return release;
    }
}
