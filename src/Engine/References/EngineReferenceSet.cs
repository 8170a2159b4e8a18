using System.Collections.Immutable;
using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Running;

namespace Sluice.Referencing;

/// <summary>One set of references in one engine.</summary>
internal sealed class EngineReferenceSet(SluiceEngine engine, AggregateRuntime runtime, ReferenceTable table, string name) : IReferenceSet
{
    public string Name => name;

    public async ValueTask<Reference> AcquireAsync(string key, CancellationToken cancellation = default)
    {
        ResourceKey resource = ResourceOf(key, out _);
        cancellation.ThrowIfCancellationRequested();
        LocalReference local = table.Add(resource, out Task taken, out CancellationToken lost);
        HeldReference reference = new(table, local, name, key, lost);
        try
        {
            await taken.WaitAsync(cancellation).ConfigureAwait(false);
            table.ThrowIfOver(local);
            return reference;
        }
        catch (OperationCanceledException)
        {
            // Not awaited: the caller has waited long enough. Whether the coordinator ever saw the reference, the release behind it is in order.
            _ = reference.DisposeAsync().AsTask();
            throw;
        }
        catch (Exception)
        {
            table.Remove(local);
            throw;
        }
    }

    public async ValueTask<int> CountAsync(string key, CancellationToken cancellation = default) => (await PeekAsync(key, cancellation).ConfigureAwait(false)).Holders;

    public async ValueTask<ReferencedResource> InspectAsync(string key, CancellationToken cancellation = default)
    {
        PeekedResource found = await PeekAsync(key, cancellation).ConfigureAwait(false);

        // A generation that nobody holds any more has ended, also if nobody has begun with its callback yet.
        return found.Holders == 0
            ? new ReferencedResource(0, 0, 0, found.SealedGeneration != 0 || found.Generation != 0)
            : new ReferencedResource(found.Holders, found.TimesModified, found.Generation, found.SealedGeneration != 0);
    }

    public async ValueTask<IReadOnlyList<ReferenceHolder>> HoldersAsync(string key, CancellationToken cancellation = default)
    {
        ResourceKey resource = ResourceOf(key, out int partition);
        HoldersReply reply = await runtime.SendAsync(partition, new HoldersRequest(resource), cancellation).ConfigureAwait(false);
        return
        [
            .. reply.Entries.OrderBy(static entry => entry.Since).Select(static entry => new ReferenceHolder(
                entry.Holder, LastRelease.MomentOf(entry.Since), entry.LastSeen == 0 ? null : LastRelease.MomentOf(entry.LastSeen))),
        ];
    }

    public IMutex LockOf(string key, LockOptions? options = null)
    {
        ResourceOf(key, out _);
        return engine.Locks.Mutex($"{ReferenceDefinition.NamePrefix}{name}/{key}", options);
    }

    public async ValueTask ExpireAsync(string key, CancellationToken cancellation = default) =>
        await table.ForceAsync(ResourceOf(key, out _)).WaitAsync(cancellation).ConfigureAwait(false);

    public ValueTask<IReadOnlyList<DeadLetter>> ListDeadLettersAsync(int limit = 100, CancellationToken cancellation = default) =>
        runtime.ListDeadLettersAsync(limit, cancellation);

    public ValueTask<bool> ReplayDeadLetterAsync(DeadLetter letter, CancellationToken cancellation = default) =>
        runtime.ReplayDeadLetterAsync(letter, linger: 0, cancellation);

    public ValueTask<bool> PurgeDeadLetterAsync(DeadLetter letter, CancellationToken cancellation = default) => runtime.PurgeDeadLetterAsync(letter, cancellation);

    private async ValueTask<PeekedResource> PeekAsync(string key, CancellationToken cancellation)
    {
        ResourceKey resource = ResourceOf(key, out int partition);
        ImmutableArray<ResourceKey> asked = [resource];
        return (await runtime.SendAsync(partition, new PeekRequest(asked), cancellation).ConfigureAwait(false)).Resources[0];
    }

    private ResourceKey ResourceOf(string key, out int partition)
    {
        Span<byte> bytes = stackalloc byte[KeyCodec.MaxBytes];
        ResourceKey resource = new(bytes[..KeyCodec.String.Encode(key, bytes)]);
        partition = resource.Partition(runtime.Lanes.Length);
        return resource;
    }
}
