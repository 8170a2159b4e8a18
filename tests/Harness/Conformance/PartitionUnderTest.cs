using Sluice.Coordination;

namespace Sluice.Harness.Conformance;

/// <summary>One partition of a coordinator, asked as an engine asks it, with durations that never pass unless a test says otherwise.</summary>
internal sealed class PartitionUnderTest(ConformanceServer server, CoordinationNamespace space, int partition = 0)
{
    private const long Long = ConformanceServer.Long;
    private static int _issued;

    public ConformanceServer Server => server;

    public CoordinationNamespace Space => space;

    /// <summary>What lanes flush with, unless they are told otherwise: nothing ends by itself.</summary>
    public static FlushTerms Terms { get; } = new(
        Lease: Long, Linger: Long, Hard: Durations.Never, Inactivity: 0, TombstoneLife: 24 * Long, OpenLimit: 1000, DeadLetterLimit: 100);

    public async Task<TReply> SendAsync<TReply>(CoordinatorRequest<TReply> request) =>
        await server.Coordinator.SendAsync(space, partition, request, CancellationToken.None).ConfigureAwait(false);

    /// <summary>An incarnation that the partition hasn't heard of yet.</summary>
    public async Task<LaneUnderTest> NewLaneAsync(FlushTerms? terms = null)
    {
        PokeReply reply = await PokeAsync().ConfigureAwait(false);
        return LaneIssuedAt(reply.Now, terms);
    }

    public LaneUnderTest LaneIssuedAt(long issuedAt, FlushTerms? terms = null) =>
        new(this, new IncarnationId(issuedAt, 7, (ulong)Interlocked.Increment(ref _issued)), terms ?? Terms);

    public Task<PokeReply> PokeAsync(int limit = 100) => SendAsync(new PokeRequest(limit));

    public Task<ClaimReply> ClaimAsync(int limit = 100, long lease = Long, long seen = 0) => SendAsync(new ClaimRequest(limit, lease) { Seen = seen });

    public async Task<bool> AcknowledgeAsync(ClaimTicket ticket) => (await SendAsync(new AcknowledgeRequest([ticket])).ConfigureAwait(false)).Accepted.Single();

    public Task<bool> AcknowledgeAsync(ClaimedSession session) => AcknowledgeAsync(Ticket(session));

    public async Task<bool> ExtendAsync(ClaimedSession session, long lease = Long) =>
        (await SendAsync(new ExtendRequest([Ticket(session)], lease)).ConfigureAwait(false)).Held.Single();

    public Task<AbandonReply> AbandonAsync(
        ClaimedSession session, long backoff = 0, int maxAttempts = 10, PoisonRule poison = PoisonRule.Park, int deadLetterLimit = 100) =>
        SendAsync(new AbandonRequest(Ticket(session), backoff, maxAttempts, "The sink said no.", poison, deadLetterLimit));

    /// <summary>Abandons for the last time.</summary>
    public Task<AbandonReply> GiveUpAsync(ClaimedSession session, PoisonRule poison, int deadLetterLimit = 100) =>
        AbandonAsync(session, maxAttempts: session.Attempt, poison: poison, deadLetterLimit: deadLetterLimit);

    public Task<ReapReply> ReapAsync(LaneUnderTest lane, int limit = 100, long linger = 0, long tombstoneLife = 24 * Long) =>
        SendAsync(new ReapRequest(lane.Incarnation, limit, linger, tombstoneLife));

    public async Task<PeekedResource> PeekAsync(string resource) =>
        (await SendAsync(new PeekRequest([ResourceKey.Of(resource)])).ConfigureAwait(false)).Resources.Single();

    public async Task<IReadOnlyList<IncarnationId>> HoldersAsync(string resource) =>
        (await SendAsync(new HoldersRequest(ResourceKey.Of(resource))).ConfigureAwait(false)).Holders;

    public async Task<IReadOnlyList<MemberEntry>> MembersAsync() => (await SendAsync(new MembersRequest()).ConfigureAwait(false)).Members;

    public async Task<MemberEntry?> MemberAsync(LaneUnderTest lane) =>
        (await MembersAsync().ConfigureAwait(false)).SingleOrDefault(member => member.Incarnation == lane.Incarnation);

    public async Task<IReadOnlyList<SealedEntry>> SealedAsync(int limit = 100) => (await SendAsync(new ClaimsRequest(limit)).ConfigureAwait(false)).Sessions;

    public Task<DeadLettersReply> DeadLettersAsync(int limit = 100) => SendAsync(new DeadLettersRequest(limit));

    public async Task<ReplayStatus> ReplayAsync(DeadLetterEntry letter, long linger = 0) =>
        (await SendAsync(new ReplayRequest(letter.Resource, letter.Id, linger)).ConfigureAwait(false)).Status;

    public async Task<bool> PurgeAsync(DeadLetterEntry letter) =>
        (await SendAsync(new PurgeRequest(letter.Resource, letter.Id)).ConfigureAwait(false)).Purged;

    public static ClaimTicket Ticket(ClaimedSession session) => new(session.Resource, session.Generation, session.Token);
}

/// <summary>One incarnation's lane: numbers batches as an engine does, and can send any of them again.</summary>
internal sealed class LaneUnderTest(PartitionUnderTest partition, IncarnationId incarnation, FlushTerms terms)
{
    private readonly List<FlushRequest> _sent = [];

    public IncarnationId Incarnation => incarnation;

    /// <summary>The next batch.</summary>
    public Task<FlushReply> FlushAsync(params BatchItem[] items) => FlushAsync(terms, items);

    public Task<FlushReply> FlushAsync(FlushTerms otherTerms, params BatchItem[] items)
    {
        _sent.Add(Batch(_sent.Count + 1, otherTerms, items));
        return partition.SendAsync(_sent[^1]);
    }

    /// <summary>A copy of a batch, as a retry or a slow network sends it.</summary>
    public Task<FlushReply> ResendAsync(int number) => partition.SendAsync(_sent[number - 1]);

    /// <summary>Whatever an engine should never send.</summary>
    public Task<FlushReply> SendAsync(FlushRequest request) => partition.SendAsync(request);

    public FlushRequest Batch(long number, params BatchItem[] items) => Batch(number, terms, items);

    public Task<BeatReply> BeatAsync(int limit = 100) => partition.SendAsync(new BeatRequest(incarnation, terms.Lease, limit));

    public Task<LeaveReply> LeaveAsync() => partition.SendAsync(new LeaveRequest(incarnation, terms.TombstoneLife));

    private FlushRequest Batch(long number, FlushTerms batchTerms, BatchItem[] items) =>
        new(partition.Space.Layout, incarnation, number, Hash: 0xB0B0 + (ulong)number, [.. items], batchTerms);
}
