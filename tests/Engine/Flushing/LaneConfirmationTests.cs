using System.Buffers;
using System.Threading.Channels;
using Sluice.Coordination;
using Sluice.Flushing;
using Sluice.Harness;
using Sluice.Tests.Simulation;
using Xunit;

namespace Sluice.Tests.Flushing;

/// <summary>A real lane against a server that loses its last writes, in hand-driven time.</summary>
public sealed class LaneConfirmationTests : IAsyncDisposable
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(2);

    private readonly HandDrivenTimeProvider _time = new();
    private readonly CoordinationNamespace _space = new("confirmation", EventTally.Schema, partitions: 1);
    private readonly InProcessCoordinator _coordinator;
    private readonly Signals _signals = new();
    private readonly Lane _lane;

    public LaneConfirmationTests()
    {
        _coordinator = new InProcessCoordinator(_time);
        FlushTerms flush = new(10_000_000, 0, Durations.Never, 0, 86_400_000_000, 1000, 1000);
        LaneTerms terms = new(_space.Layout, flush, 100, Durations.Micros(Window), 1 << 20, new FencePolicy());
        ulong lives = 0;
        _lane = new Lane(0, new LaneSurroundings(
            _space, _coordinator, terms, new FlushEpochs(_time), _time, now => new IncarnationId(now, 1, ++lives), TimeSpan.Zero, TimeSpan.FromSeconds(5), 16)
        {
            Seen = new SeenClock(1),
            Observer = _signals,
            OnDue = static (_, _, _) => { },
            OnRoom = static () => { },
            OnRetry = static (_, _, _) => { },
            OnFault = static (_, _) => { },
        });
        _lane.Start();
    }

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _lane.Complete();
        await _lane.Completion;
        await _coordinator.DisposeAsync();
    }

    // Prevents that an idle engine learns of the loss when it is too late to send the batch again, or never.
    [Fact]
    public async Task An_idle_lane_finds_within_the_window_that_its_last_batch_was_lost()
    {
        PartitionState before = _coordinator.Snapshot(_space, 0);
        await FlushAsync();
        _coordinator.Restore(_space, 0, before);
        _time.Advance(Window / 4);
        await _signals.Replayed.ReadAsync(Test);
        Assert.Equal([1], EventsOfServer());
        Assert.Empty(_signals.Losses);
    }

    // The same for a lane whose beat is answered by a member that has fewer batches than it acknowledged.
    [Fact]
    public async Task A_beat_that_finds_fewer_batches_makes_the_lane_ask()
    {
        PartitionState before = _coordinator.Snapshot(_space, 0);
        await FlushAsync();
        _coordinator.Restore(_space, 0, before);
        _lane.OnBeat(_lane.Identity, new BeatReply(BeatStatus.Alive, 0, [], 0, Durations.Never, Durations.Never));
        await _signals.Replayed.ReadAsync(Test);
        Assert.Equal([1], EventsOfServer());
    }

    // Prevents a request per window from every idle lane for ever.
    [Fact]
    public async Task A_confirmed_lane_asks_no_more()
    {
        for (int flushes = 0; flushes < 2; flushes++)
        {
            await FlushAsync();
            _time.Advance(Window / 4);
            await _signals.Settled.ReadAsync(Test);
            await _time.WhenArmedAsync(1);
            _time.Advance(Window / 4);
            await _signals.Settled.ReadAsync(Test);
        }

        _lane.Complete();
        await _lane.Completion;
        Assert.Equal(0, _time.ArmedTimers);
        Assert.Equal(6, Assert.Single(_coordinator.Snapshot(_space, 0).Members.Values).Applied);
    }

    /// <summary>One event is flushed, and the lane has fallen idle: it waits for more, or for the time to confirm.</summary>
    private async Task FlushAsync()
    {
        byte[] delta = EventTally.Encode([1]);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 + delta.Length);
        buffer[0] = (byte)'r';
        delta.CopyTo(buffer, 1);
        Assert.True(_lane.TryWrite(new FlushItem { Buffer = buffer, KeyLength = 1, DeltaLength = delta.Length, Holds = true }));
        await _signals.Settled.ReadAsync(Test);
        await _time.WhenArmedAsync(1);
    }

    private int[] EventsOfServer() => [.. EventTally.EventsOf(_coordinator.Snapshot(_space, 0).Open[ResourceKey.Of("r")].Fields.Span)];

    private sealed class Signals : ILaneObserver
    {
        private readonly Channel<int> _settled = Channel.CreateUnbounded<int>();
        private readonly Channel<long> _replayed = Channel.CreateUnbounded<long>();

        public ChannelReader<int> Settled => _settled.Reader;

        public ChannelReader<long> Replayed => _replayed.Reader;

        public List<LossCause> Losses { get; } = [];

        public void OnSettled(ReadOnlySpan<PendingItem> items) => _settled.Writer.TryWrite(items.Length);

        public void OnRefused(PendingItem item, ItemOutcome outcome) => Assert.Fail("refused");

        public void OnLost(LossCause cause, IncarnationId incarnation, long first, long last, ReadOnlySpan<PendingItem> items) => Losses.Add(cause);

        public void OnReincarnated(FlushStatus status, IncarnationId dead)
        {
        }

        public void OnDuplicate()
        {
        }

        public void OnReplayed(long number) => _replayed.Writer.TryWrite(number);
    }
}
