using Sluice.Coordination;
using Sluice.Harness;
using Sluice.Running;
using Sluice.Samples.NsqSession;
using Xunit;

namespace Sluice.Samples.Tests;

/// <summary>Messages of a broker that delivers at least once become sessions; a message is finished when, and only when, the coordinator has its event.</summary>
public sealed class NsqSessionTests
{
    private const int Workers = 4;
    private const int Messages = 600;
    private const int Users = 25;
    private const int MaxInFlight = 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Nobody dies: every message is counted exactly once, and every user's session is completed once with all of it.
    [Fact]
    public async Task Without_a_crash_every_session_is_completed_once_with_exactly_its_messages()
    {
        await using Cluster cluster = await Cluster.StartAsync(seed: 1);
        await cluster.Broker.AllFinished.WaitAsync(Cancellation);
        await cluster.EndAsync();

        Assert.Equal(Messages, cluster.Broker.Deliveries);
        Assert.Equal(cluster.Store.Sessions.Count, cluster.Store.Deliveries.Count);
        Assert.All(cluster.CountsByMessage(), counted => Assert.Equal(1, counted.Value));
        foreach (IGrouping<string, Message> user in cluster.Broker.Messages.GroupBy(message => message.UserId))
        {
            Session[] sessions = [.. cluster.Store.Sessions.Select(session => session.Value).Where(session => session.UserId == user.Key)];
            Assert.Equal(user.Count(message => message.IsClick), sessions.Sum(session => session.Clicks));
            Assert.Equal(user.Count(message => !message.IsClick), sessions.Sum(session => session.Impressions));
        }
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 12)];

    // The promise to the broker, checked the only way that shows it: the worker dies, and what it had finished must be in the totals, because nobody
    // will ever deliver it again. What it had not finished is delivered again, and may be counted twice if it had been flushed; not more often.
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task When_a_worker_dies_at_any_point_no_finished_message_is_lost_and_only_redelivered_ones_can_count_twice(int seed)
    {
        await using Cluster cluster = await Cluster.StartAsync(seed);
        await cluster.Broker.WhenDeliveredAsync(new Random(seed).Next(1, Messages)).WaitAsync(Cancellation);
        await cluster.CrashAsync();
        await cluster.Broker.AllFinished.WaitAsync(Cancellation);
        await cluster.EndAsync();

        Dictionary<long, int> counts = cluster.CountsByMessage();
        Assert.All(cluster.Broker.Messages, message =>
        {
            Assert.True(message.IsFinished);
            Assert.InRange(counts.GetValueOrDefault(message.Id), 1, message.Deliveries);
        });
        Assert.InRange(cluster.Broker.Deliveries - Messages, 0, MaxInFlight);
        Assert.Equal(counts.Values.Sum(), cluster.Store.Sessions.Sum(session => session.Value.Clicks + session.Value.Impressions));
        Assert.All(cluster.Store.Deliveries.GroupBy(delivery => delivery.IdempotencyKey), session =>
            Assert.Single(session.Select(delivery => (delivery.Value.UserId, delivery.Value.Clicks, delivery.Value.Impressions)).Distinct()));
    }

    // Away for longer than its lease, replaced, and back: sending its unflushed events again would count what others have been given meanwhile.
    [Fact]
    public async Task A_worker_that_was_replaced_while_it_was_away_gives_its_messages_back_and_goes_on_with_a_new_source()
    {
        await using Cluster cluster = await Cluster.StartAsync(seed: 7);
        await cluster.Broker.WhenDeliveredAsync(Messages / 4).WaitAsync(Cancellation);

        // What the others see of a worker that stands still: its lease runs out, somebody takes its references back.
        await cluster.FenceAsync();
        await cluster.Broker.AllFinished.WaitAsync(Cancellation);
        await cluster.EndAsync();

        Dictionary<long, int> counts = cluster.CountsByMessage();
        Assert.All(cluster.Broker.Messages, message => Assert.InRange(counts.GetValueOrDefault(message.Id), 1, message.Deliveries));
        Assert.True(cluster.Broker.Deliveries > Messages, "Nobody gave a message back: nobody noticed.");
    }

    // The broker's side of "at least once".
    [Fact]
    public void A_message_that_is_not_finished_in_time_is_delivered_again_and_its_late_finish_means_nothing()
    {
        HandDrivenTimeProvider time = new();
        Broker broker = new(TimeSpan.FromSeconds(60), time);
        broker.Publish("user", isClick: false);
        Consumer slow = broker.Connect(1);
        Consumer other = broker.Connect(1);
        Delivery first = slow.TryRead()!;
        Assert.Null(other.TryRead());

        time.Advance(TimeSpan.FromSeconds(60));
        Delivery second = other.TryRead()!;

        Assert.Equal((first.Message, 2), (second.Message, second.Attempt));
        Assert.False(first.Finish());
        Assert.False(second.Message.IsFinished);
        Assert.True(second.Finish());
        Assert.True(broker.AllFinished.IsCompletedSuccessfully);
    }

    /// <summary>
    /// A topic full of messages and four workers, in time that the test moves. The coordinator's clock is one of its own: moved alone, it lets leases run
    /// out as if the workers had stood still.
    /// </summary>
    private sealed class Cluster : IAsyncDisposable
    {
        private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);

        private readonly HandDrivenTimeProvider _time = new();
        private readonly HandDrivenTimeProvider _serverTime = new();
        private readonly List<SessionWorker> _workers = [];
        private readonly InProcessCoordinator _coordinator;
        private readonly Doorway _door;

        private Cluster()
        {
            _coordinator = new InProcessCoordinator(_serverTime);
            _door = new Doorway(_coordinator);
        }

        public Broker Broker { get; } = new(TimeSpan.FromMinutes(1));

        public SessionStore Store { get; } = new();

        private AggregateRuntime Runtime => _workers[0].Sessions.Runtime;

        public static async Task<Cluster> StartAsync(int seed)
        {
            Cluster cluster = new();
            Random random = new(seed);
            for (int i = 0; i < Messages; i++)
                cluster.Broker.Publish($"user-{random.Next(Users)}", isClick: random.Next(3) == 0);
            for (int i = 0; i < Workers; i++)
            {
                EngineOptions options = new()
                {
                    Coordinator = cluster._door,
                    TimeProvider = cluster._time,
                    Partitions = 4,
                    BatchLinger = TimeSpan.Zero,
                    LeaseDuration = Lease,
                    IdentitySeed = (seed * 10) + i,
                };
                cluster._workers.Add(await SessionWorker.StartAsync($"worker-{i}", cluster.Broker, cluster.Store, options, MaxInFlight));
            }

            return cluster;
        }

        public async Task CrashAsync()
        {
            await _workers[^1].CrashAsync();
            _workers.RemoveAt(_workers.Count - 1);
        }

        /// <summary>Lets all leases run out and takes their owners' references back, while the batch of one at least is on its way.</summary>
        public async Task FenceAsync()
        {
            _door.Close();
            await _door.MemberWaits.WaitAsync(Cancellation);
            _serverTime.Advance(Lease);
            for (int partition = 0; partition < Runtime.Lanes.Length; partition++)
            {
                foreach (IncarnationId member in _coordinator.Snapshot(Runtime.Space, partition).Members.Keys)
                    _coordinator.Send(Runtime.Space, partition, new ReapRequest(member, int.MaxValue, 0, Durations.Micros(TimeSpan.FromHours(24))));
            }

            _door.Open();
        }

        /// <summary>Everybody lets go; then time goes on until the coordinator has nothing left: leases run out, the living complete what the dead held.</summary>
        public async Task EndAsync()
        {
            foreach (SessionWorker worker in _workers)
            {
                await worker.StopConsumingAsync();
                await worker.Sessions.ExpireAllAsync(Cancellation);
            }

            while (!IsEmpty())
            {
                if (_time.UntilNextTimer is { } next && next <= Lease)
                {
                    _serverTime.Advance(next);
                    _time.AdvanceToNextTimer();
                }

                for (int i = 0; i < 20; i++)
                    await Task.Yield();
                Cancellation.ThrowIfCancellationRequested();
            }
        }

        /// <summary>How often each message was counted, by the contents of all sessions.</summary>
        public Dictionary<long, int> CountsByMessage() => Store.Sessions.SelectMany(session => session.Value.LastMessages)
            .GroupBy(message => message).ToDictionary(message => message.Key, message => message.Count());

        public async ValueTask DisposeAsync()
        {
            foreach (SessionWorker worker in _workers)
                await worker.CrashAsync();
        }

        private bool IsEmpty() => Enumerable.Range(0, Runtime.Lanes.Length).Select(partition => _coordinator.Snapshot(Runtime.Space, partition))
            .All(state => state.Open.IsEmpty && state.Sealed.IsEmpty && state.Owned.IsEmpty);
    }
}
