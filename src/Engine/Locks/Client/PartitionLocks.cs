using System.Runtime.CompilerServices;
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
    /// <exception cref="CoordinatorException">The coordinator does not answer, or not until the deadline.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<EngineSession> EnterAsync(LockDeadline deadline, CancellationToken cancellation)
    {
        while (true)
        {
            EngineSession? session = Current;
            if (session?.TryEnter() == true)
                return session;

            // Its deadline may have passed without anybody having looked: then everything that belongs to it is lost now.
            session?.IsGood();
            Task<EngineSession> opening;
            lock (_gate)
            {
                // An opening that has ended has led to a session that is over by now, or to an error that was somebody else's.
                if (_opening is null or { IsCompleted: true })
                    _opening = ReferenceEquals(Current, session) || Current is null ? OpenAsync() : Task.FromResult(Current);
                opening = _opening;
            }

            // The opening goes on: others wait for it, or will.
            TimeSpan patience = deadline.PatienceFor(client.Terms);
            if (!await opening.IsAnsweredAsync(patience, client.Clock.Time, cancellation).ConfigureAwait(false))
            {
                cancellation.ThrowIfCancellationRequested();
                throw new CoordinatorException(RequestOutcome.NotApplied, $"Partition {partition} of '{client.Space}' could not be reached within {patience}.");
            }

            await opening.ConfigureAwait(false);
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
    }
}
