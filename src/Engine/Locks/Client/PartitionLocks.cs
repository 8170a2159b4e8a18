using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>Where this engine's session in one partition is found, and opened when there is none. Any thread.</summary>
internal sealed class PartitionLocks(LockClient client, int partition)
{
    private readonly Lock _gate = new();
    private EngineSession? _current;
    private Task<EngineSession>? _opening;

    public EngineSession? Current => Volatile.Read(ref _current);

    /// <summary>A session that has been entered; the caller leaves it.</summary>
    /// <exception cref="CoordinatorException">The coordinator does not answer.</exception>
    public async ValueTask<EngineSession> EnterAsync(CancellationToken cancellation)
    {
        while (true)
        {
            if (Current is { } session && session.TryEnter())
                return session;
            Task<EngineSession> opening;
            lock (_gate)
                opening = _opening ??= OpenAsync();
            await opening.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The session is over; the next who comes opens another.</summary>
    public void Drop(EngineSession session) => Interlocked.CompareExchange(ref _current, null, session);

    private async Task<EngineSession> OpenAsync()
    {
        try
        {
            ObjectDisposedException.ThrowIf(client.IsStopping, client);
            await client.Subscription.ReadyAsync(partition, client.Stopping).ConfigureAwait(false);
            long sent = client.Clock.Now;
            OpenSessionRequest request = new(client.Engine, client.Terms.Lease, client.Terms.Description) { Seen = client.Seen[partition] };
            OpenSessionReply opened = await client.SendAsync(partition, request, client.Stopping).ConfigureAwait(false);
            client.Seen.Raise(partition, opened.Clock);
            EngineSession session = new(client, partition, opened, sent);
            Volatile.Write(ref _current, session);
            if (client.IsStopping)
                session.Stop();
            else if (client.Terms.RunsOut)
                client.Keeper.Pulse();
            return session;
        }
        catch (OperationCanceledException)
        {
            throw new ObjectDisposedException(nameof(SluiceEngine), "The engine is being stopped.");
        }
        finally
        {
            lock (_gate)
                _opening = null;
        }
    }
}
