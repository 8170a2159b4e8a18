using System.Diagnostics;
using Sluice.Coordination;

namespace Sluice.Cli.Demo.Embedded;

/// <summary>
/// What all workers share: the embedded coordinator, which can be made to lose its latest writes, as a server does that crashes between two syncs of its file.
/// </summary>
/// <param name="ignoresNumbers">
/// For comparison: batches are applied whatever their number, so that a retry counts again. This is what a counter is that is incremented by retried commands.
/// </param>
internal sealed class DemoServer(bool ignoresNumbers) : IAsyncDisposable
{
    public const int Partitions = 16;

    /// <summary>How far back <see cref="LoseLatestWrites"/> goes, at most.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromMilliseconds(500);

    private readonly InProcessCoordinator _store = new(TimeProvider.System);
    private readonly Lock _gate = new();
    private readonly Queue<(long At, PartitionState[] States)> _history = [];

    public CoordinationNamespace Space { get; } = new("demo", Click.Definition.Schema, Partitions);

    /// <summary>Carries out a request.</summary>
    public TReply Send<TReply>(int partition, CoordinatorRequest<TReply> request)
    {
        if (!ignoresNumbers || request is not FlushRequest flush)
            return _store.Send(Space, partition, request);
        lock (_gate)
        {
            // The number that the server expects is the number that it gets. Nobody else writes meanwhile who could change it.
            long expected = _store.Snapshot(Space, partition).Members.TryGetValue(flush.Incarnation, out Member? member) ? member.Applied + 1 : 1;
            FlushReply reply = _store.Send(Space, partition, flush with { Number = expected });
            return (TReply)(object)(reply with { Last = flush.Number });
        }
    }

    public PartitionState[] Snapshot() => [.. Enumerable.Range(0, Partitions).Select(partition => _store.Snapshot(Space, partition))];

    /// <summary>Keeps the present for <see cref="LoseLatestWrites"/>; called every now and then.</summary>
    public PartitionState[] Remember()
    {
        PartitionState[] states = Snapshot();
        lock (_gate)
        {
            _history.Enqueue((Stopwatch.GetTimestamp(), states));
            Prune();
        }

        return states;
    }

    /// <summary>Takes every partition back to the oldest state that is remembered.</summary>
    /// <returns>How much is lost; zero when nothing is remembered.</returns>
    public TimeSpan LoseLatestWrites()
    {
        lock (_gate)
        {
            Prune();
            if (!_history.TryPeek(out (long At, PartitionState[] States) oldest))
                return TimeSpan.Zero;
            for (int partition = 0; partition < Partitions; partition++)
                _store.Restore(Space, partition, oldest.States[partition]);
            _history.Clear();
            return Stopwatch.GetElapsedTime(oldest.At);
        }
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    private void Prune()
    {
        while (_history.TryPeek(out (long At, PartitionState[] States) oldest) && Stopwatch.GetElapsedTime(oldest.At) > Memory)
            _history.Dequeue();
    }
}
