using System.Collections.Concurrent;
using Sluice.Coordination;

namespace Sluice.Cli.Demo.Embedded;

/// <summary>
/// A worker's connection to the shared server: it can be cut for ever, hold everything back while its worker is stopped, and swallow replies. It counts what the protocol does
/// about that. Thread-safe.
/// </summary>
internal sealed class WorkerLink(DemoServer server, Mishaps mishaps) : Coordinator
{
    private const int OneReplyOf = 5;

    private readonly ConcurrentDictionary<IncarnationId, bool> _incarnations = [];
    private volatile TaskCompletionSource? _held;
    private volatile bool _isCut;
    private int _replies;

    internal override bool IsEphemeral => false;

    /// <summary>The identities under which the worker has written.</summary>
    public IEnumerable<IncarnationId> Incarnations => _incarnations.Keys;

    /// <summary>Nothing gets through any more, in either direction: the process is dead.</summary>
    public void Cut()
    {
        _isCut = true;
        Release();
    }

    /// <summary>Nothing gets through until <see cref="Release"/>: the process is stopped, and believes afterwards that nothing happened.</summary>
    public void Hold() => _held ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Release() => Interlocked.Exchange(ref _held, null)?.TrySetResult();

    internal override async ValueTask<TReply> SendAsync<TReply>(
        CoordinationNamespace space, int partition, CoordinatorRequest<TReply> request, CancellationToken cancellation)
    {
        await PassAsync(cancellation).ConfigureAwait(false);
        if (request is FlushRequest flush)
            _incarnations.TryAdd(flush.Incarnation, true);
        TReply reply = server.Send(partition, request);
        await PassAsync(cancellation).ConfigureAwait(false);
        if (mishaps.RepliesAreLost && request is FlushRequest && Interlocked.Increment(ref _replies) % OneReplyOf == 0)
        {
            mishaps.Count(Consequence.ReplyLost);
            throw new CoordinatorException(RequestOutcome.Unknown, "The reply was lost on its way.");
        }

        Count(reply);
        return reply;
    }

    private async ValueTask PassAsync(CancellationToken cancellation)
    {
        while (_held is { } held)
            await held.Task.WaitAsync(cancellation).ConfigureAwait(false);
        if (_isCut)
            throw new CoordinatorException(RequestOutcome.Unknown, "The process is dead.");
    }

    private void Count(object? reply)
    {
        switch (reply)
        {
            case FlushReply { Status: FlushStatus.Duplicate }:
                mishaps.Count(Consequence.DuplicateSuppressed);
                break;
            case FlushReply { Status: FlushStatus.Fenced }:
                mishaps.Count(Consequence.Fenced);
                break;
            case FlushReply { Status: FlushStatus.Gap or FlushStatus.Unknown }:
                mishaps.Count(Consequence.Replayed);
                break;
            case ClaimReply claims:
                mishaps.Count(Consequence.Reclaimed, claims.Claims.Count(static claim => claim.Attempt > 1));
                break;
        }
    }
}
