using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice.Harness.Conformance;

/// <summary>One partition of a lock coordinator, asked as engines ask it, with leases that never run out unless a test says otherwise.</summary>
internal sealed class LockPartitionUnderTest(LockConformanceServer server, LockNamespace space, int partition = 0) : IAsyncDisposable
{
    public const long Long = ConformanceServer.Long;

    private static int _opened;

    private readonly List<ILockSubscription> _subscriptions = [];

    public LockConformanceServer Server => server;

    public LockNamespace Space => space;

    public async Task<TReply> SendAsync<TReply>(LockRequest<TReply> request) =>
        await server.Coordinator.SendAsync(space, partition, request, CancellationToken.None);

    /// <summary>A session of an engine of its own, which is told of pushes.</summary>
    public async Task<SessionUnderTest> OpenAsync(long lease = Long, long seen = 0)
    {
        RecordedWakes wakes = new();
        LockEngineId engine = new(7, (ulong)Interlocked.Increment(ref _opened));
        ILockSubscription subscription = server.Coordinator.Subscribe(space, engine, wakes);
        _subscriptions.Add(subscription);
        await subscription.ReadyAsync(partition, CancellationToken.None);
        OpenSessionReply opened = await SendAsync(new OpenSessionRequest(engine, lease, $"engine {engine.Low}") { Seen = seen });
        return new SessionUnderTest(this, opened, lease, wakes);
    }

    public Task<ParticipantsReply> ParticipantsAsync(string resource, int limit = 100) => SendAsync(new ParticipantsRequest(ResourceKey.Of(resource), limit));

    public Task<SurveyReply> SurveyAsync(string? after = null, int limit = 100, int participants = 100) =>
        SendAsync(new SurveyRequest(after is null ? null : ResourceKey.Of(after), limit, participants));

    public async Task<int> RevokeAsync(string resource) => (await SendAsync(new RevokeRequest(ResourceKey.Of(resource)))).Asked;

    public async Task<int> ForgetAsync(string resource) => (await SendAsync(new ForgetRequest(ResourceKey.Of(resource)))).Forgotten;

    public Task RenewAsync(params Renewal[] renewals) => RenewalWaiter.RenewAsync(server.Coordinator, space, renewals, TimeSpan.FromSeconds(30));

    public ValueTask<IReadOnlyList<string>> LeftoversAsync() => server.LeftoversAsync(space, partition);

    public async ValueTask DisposeAsync()
    {
        foreach (ILockSubscription subscription in _subscriptions)
            await subscription.DisposeAsync();
    }
}

/// <summary>Renewals whose answers are waited for.</summary>
internal static class RenewalWaiter
{
    public static Task RenewAsync(LockCoordinator coordinator, LockNamespace space, Renewal[] renewals, TimeSpan timeout)
    {
        TaskCompletionSource[] answers = [.. renewals.Select(static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];
        for (int i = 0; i < renewals.Length; i++)
        {
            TaskCompletionSource answer = answers[i];
            renewals[i].Answered = _ => answer.SetResult();
        }

        coordinator.Renew(space, renewals, timeout);
        return Task.WhenAll(answers.Select(static answer => answer.Task));
    }
}

/// <summary>One session: numbers handles as an engine does, and can send anything again.</summary>
internal sealed class SessionUnderTest(LockPartitionUnderTest partition, OpenSessionReply opened, long lease, RecordedWakes wakes)
{
    private long _lastNumber;

    public IncarnationId Id => opened.Session;

    public OpenSessionReply Opened => opened;

    public RecordedWakes Wakes => wakes;

    public AcquireRequest Request(
        LockMode mode, string resource, int capacity = 1, LockPolicy policy = LockPolicy.WritersFirst, bool waits = true, long maxHold = Durations.Never,
        string owner = "", long seen = 0) =>
        Request([new LockClaim(ResourceKey.Of(resource), mode, capacity)], policy, waits, maxHold, owner) with { Seen = seen };

    public AcquireRequest Request(
        ImmutableArray<LockClaim> claims, LockPolicy policy = LockPolicy.WritersFirst, bool waits = true, long maxHold = Durations.Never, string owner = "") =>
        new(Id, ++_lastNumber, claims, policy, waits, maxHold, owner);

    public async Task<HandleUnderTest> AcquireAsync(AcquireRequest request) => new(this, request, await partition.SendAsync(request));

    public Task<HandleUnderTest> AcquireAsync(
        LockMode mode, string resource, int capacity = 1, LockPolicy policy = LockPolicy.WritersFirst, bool waits = true, long maxHold = Durations.Never,
        string owner = "") =>
        AcquireAsync(Request(mode, resource, capacity, policy, waits, maxHold, owner));

    public Task<HandleUnderTest> LockAsync(string resource, bool waits = true, long maxHold = Durations.Never) =>
        AcquireAsync(LockMode.Exclusive, resource, waits: waits, maxHold: maxHold);

    public Task<HandleUnderTest> LockAllAsync(bool waits, LockPolicy policy, params string[] resources) =>
        AcquireAsync(Request([.. resources.Select(static resource => new LockClaim(ResourceKey.Of(resource), LockMode.Exclusive))], policy, waits));

    public Task<AcquireReply> AgainAsync(AcquireRequest request) => partition.SendAsync(request);

    public async Task<ReleaseStatus> ReleaseAsync(long number, bool doubtful = false) =>
        (await partition.SendAsync(new ReleaseRequest(Id, number, doubtful))).Status;

    public Task<AcquireReply> ConvertAsync(long number, long step, LockMode mode, bool waits = true) =>
        partition.SendAsync(new ConvertRequest(Id, number, step, mode, waits));

    public Task<RenewReply> RenewAsync(params long[] lookUp) => partition.SendAsync(new RenewRequest(Id, lease, [.. lookUp], 100));

    /// <summary>How many handles the server has of this session, with numbers up to one.</summary>
    public async Task<long> CountAsync(long upTo) => (await partition.SendAsync(new RenewRequest(Id, lease, [], 100) { CountTo = upTo })).Counted;

    public Task<HandlesReply> HandlesAsync(long after, int limit) => partition.SendAsync(new HandlesRequest(Id, after, limit));

    public Task<RenewReply> RenewAsync(int limit) => partition.SendAsync(new RenewRequest(Id, lease, [], limit));

    public async Task<HandleReport> LookUpAsync(HandleUnderTest handle) => (await RenewAsync(handle.Number)).Handles.Single();

    public Task<CloseSessionReply> CloseAsync(int limit = 100) => partition.SendAsync(new CloseSessionRequest(Id, limit));
}

/// <summary>One handle, and what the server said of it first.</summary>
internal sealed class HandleUnderTest(SessionUnderTest session, AcquireRequest request, AcquireReply reply)
{
    public SessionUnderTest Session => session;

    public AcquireRequest Request => request;

    public long Number => request.Number;

    public AcquireReply Reply => reply;

    public AcquireStatus Status => reply.Status;

    public long Token => reply.Token;

    public Task<AcquireReply> AgainAsync() => session.AgainAsync(request);

    public Task<ReleaseStatus> ReleaseAsync(bool doubtful = false) => session.ReleaseAsync(Number, doubtful);

    public Task<AcquireReply> ConvertAsync(long step, LockMode mode, bool waits = true) => session.ConvertAsync(Number, step, mode, waits);

    /// <summary>Returns when the push came that this handle was granted, with its token.</summary>
    public async Task<long> GrantedAsync() => (await session.Wakes.NextAsync(wake => wake.Kind == LockWakeKind.Granted && wake.Number == Number)).Token;
}

/// <summary>The pushes that an engine got.</summary>
internal sealed class RecordedWakes : ILockWakeSink
{
    // Long against any delay of a push on a busy machine; a push that never comes must fail its test and not hang it.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly List<LockWake> _all = [];
    private readonly List<(Func<LockWake, bool> Wanted, TaskCompletionSource<LockWake> Found)> _waiting = [];

    public IReadOnlyList<LockWake> All
    {
        get
        {
            lock (_gate)
                return [.. _all];
        }
    }

    public void OnWake(int partition, in LockWake wake)
    {
        LockWake arrived = wake;
        List<TaskCompletionSource<LockWake>> found;
        lock (_gate)
        {
            _all.Add(arrived);
            found = [.. _waiting.Where(waiting => waiting.Wanted(arrived)).Select(static waiting => waiting.Found)];
            _waiting.RemoveAll(waiting => found.Contains(waiting.Found));
        }

        foreach (TaskCompletionSource<LockWake> waiting in found)
            waiting.TrySetResult(arrived);
    }

    public void OnGap(int partition)
    {
    }

    public Task<LockWake> NextAsync(Func<LockWake, bool> wanted)
    {
        lock (_gate)
        {
            foreach (LockWake wake in _all.Where(wanted))
                return Task.FromResult(wake);
            TaskCompletionSource<LockWake> found = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((wanted, found));
            return found.Task.WaitAsync(Patience);
        }
    }
}
