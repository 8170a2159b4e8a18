using Sluice.Aggregates;
using Sluice.Coordination;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Tests.Flushing;

/// <summary>A lane machine whose replies a test writes by hand, and everything that its observer was told.</summary>
internal sealed class LaneUnderTest : ILaneObserver
{
    public const long Half = 1_000_000;
    private ulong _lives;

    public LaneUnderTest(long window = 0, int batchSize = 100, bool discards = false, long retentionBytes = 1 << 20)
    {
        Terms = new LaneTerms(
            7, new FlushTerms(1_000, 0, Durations.Never, 0, Half * 2, 100, 100), batchSize, window, retentionBytes, new FencePolicy { Discards = discards });
        Machine = new LaneMachine(Terms, Merger, Epochs, this);
    }

    public static RecordMerger Merger { get; } = RecordMerger.For(Simulation.EventTally.Schema);

    public LaneTerms Terms { get; }

    public LaneMachine Machine { get; }

    public FlushEpochs Epochs { get; } = new();

    /// <summary>Events that were acknowledged, in order.</summary>
    public List<int> Settled { get; } = [];

    public List<(LossCause Cause, long First, long Last, string Events)> Losses { get; } = [];

    public List<FlushStatus> Reincarnations { get; } = [];

    public List<long> Replayed { get; } = [];

    public List<ItemOutcome> Refusals { get; } = [];

    public int Duplicates { get; private set; }

    /// <summary>The server's clock.</summary>
    public long Now { get; set; } = 5_000_000;

    public FlushRequest Outstanding => Machine.Outstanding ?? throw new InvalidOperationException("Nothing is outstanding.");

    public PendingItem Item(string resource, bool holds, params int[] events)
    {
        PendingItem item = new(ResourceKey.Of(resource)) { Delta = Simulation.EventTally.Encode(events), Holds = holds, Folded = 1 };
        if (events.Length != 0)
            item.TakeEpoch(Epochs.Add(Epochs.Current), Epochs);
        return item;
    }

    public void Enqueue(string resource, bool holds, params int[] events) => Machine.Enqueue(Item(resource, holds, events));

    public void Force(string resource, bool holds, params int[] events)
    {
        PendingItem item = Item(resource, holds, events);
        item.Force = true;
        Machine.Enqueue(item);
    }

    /// <summary>Cuts the next batch, with an identity if there is none.</summary>
    public FlushRequest Cut()
    {
        if (Machine.NeedsIdentity)
            Machine.Identify(new IncarnationId(Now, 1, ++_lives));
        Assert.True(Machine.TryCut());
        return Outstanding;
    }

    public void Reply(FlushStatus status, long last = 0, params RefusedItem[] refused) =>
        Machine.OnReply(new FlushReply(status, last, [.. refused], Now, Now, long.MaxValue));

    /// <summary>A batch with these events that is acknowledged at once.</summary>
    public FlushRequest Acknowledged(string resource, bool holds, params int[] events)
    {
        Enqueue(resource, holds, events);
        FlushRequest request = Cut();
        Reply(FlushStatus.Applied, request.Number);
        return request;
    }

    public FlushWaiter Barrier()
    {
        FlushWaiter waiter = new();
        Machine.Barrier(waiter);
        waiter.Release();
        return waiter;
    }

    /// <summary>A batch as text: each item's resource, events, and + while it is held, ! when it is forced.</summary>
    public static string Text(FlushRequest request) => string.Join(", ", request.Items.Select(static item =>
        $"{item.Resource}{(item.Holds ? "+" : "")}{(item.Force ? "!" : "")}:{string.Join(' ', Simulation.EventTally.EventsOf(item.Delta.Span))}"));

    /// <summary>Every count of an epoch has been returned, exactly once.</summary>
    public void AssertEpochsReturned()
    {
        Assert.True(Epochs.TryAdvance());
        Assert.Equal(Epochs.Current, Epochs.OldestPending);
    }

    public void OnSettled(ReadOnlySpan<PendingItem> items)
    {
        foreach (PendingItem item in items)
        {
            Settled.AddRange(Simulation.EventTally.EventsOf(item.Delta));
            item.ReturnEpoch(Epochs);
            item.ReleaseWaiters();
        }
    }

    public void OnRefused(PendingItem item, ItemOutcome outcome) => Refusals.Add(outcome);

    public void OnLost(LossCause cause, IncarnationId incarnation, long first, long last, ReadOnlySpan<PendingItem> items)
    {
        List<int> events = [];
        foreach (PendingItem item in items)
            events.AddRange(Simulation.EventTally.EventsOf(item.Delta));
        Losses.Add((cause, first, last, string.Join(' ', events)));
    }

    public void OnReincarnated(FlushStatus status, IncarnationId dead) => Reincarnations.Add(status);

    public void OnDuplicate() => Duplicates++;

    public void OnReplayed(long number) => Replayed.Add(number);
}
