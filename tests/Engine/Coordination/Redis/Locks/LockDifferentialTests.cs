using System.Buffers.Binary;
using System.Collections.Immutable;
using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Locking;
using Sluice.Resp;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>The scripts of the locks on a real server against the pure transitions: the same random history gives the same answers and pushes, and leaves the same partition.</summary>
/// <remarks>Prevents a script that keeps every promise that somebody thought of, and is different all the same.</remarks>
public sealed class LockDifferentialTests(SharedRedisServer shared)
{
    private const int Histories = 100;
    private const int StepsBetweenLooks = 16;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Scripts_and_transitions_answer_every_history_alike(int seed)
    {
        await using HandDrivenRedis server = await HandDrivenRedis.StartAsync(await shared.GetAsync());
        HashSet<string> seen = [];
        await CompareAsync(server, seed, seen);
        foreach (AcquireStatus status in Enum.GetValues<AcquireStatus>())
            Assert.Contains($"acquire {status}", seen);
        foreach (AcquireStatus status in (AcquireStatus[])[AcquireStatus.Granted, AcquireStatus.Waiting, AcquireStatus.Busy, AcquireStatus.Refused, AcquireStatus.SessionLost])
            Assert.Contains($"convert {status}", seen);
        foreach (ReleaseStatus status in Enum.GetValues<ReleaseStatus>())
            Assert.Contains($"release {status}", seen);
        foreach (LockWakeKind kind in Enum.GetValues<LockWakeKind>())
            Assert.Contains($"wake {kind}", seen);
    }

    // A comparison that finds nothing wrong with these would find nothing at all.
    [Theory]
    [InlineData("release", "local entry = deadline > now and is_new and starting(H, handle, 0, 1)[1]", "local entry = call('ZRANGE', H, 0, 0)[1] handle = entry and sub(entry, 1, 26)", "a release without a check of the owner")]
    [InlineData("acquire", "if deadline > now and is_new and not", "if deadline > now and not", "a late copy that takes a free lock for nobody")]
    [InlineData("release", "if size == #record then", "if true then", "a release that ends what others hold")]
    [InlineData("acquire", "token = token + 1\n", "", "the same token twice")]
    [InlineData("*", "if waiter.claims == 1 then passed[waiter.line] = true end", "passed[waiter.line] = true", "who wants several is passed over")]
    [InlineData("*", "if clock < now then clock = now end\n  return clock", "clock = now\n  return clock", "tokens that follow the server's clock alone")]
    [InlineData("release", "\ncommit(false)\nreturn {status", "\ncommit(false)\nif call('HLEN', R) == 0 then call('HDEL', C, '#') end\nreturn {status", "a token that begins anew when a lock is deleted")]
    [InlineData("*", "    wake(GRANTED, session_of(together.handle)", "    local _ = (session_of(together.handle)", "no wake-up")]
    [InlineData("*", "line_new[member] = nil else line_gone[member] = true end", "line_new[member] = nil end", "a waiter that is kept after it gave up")]
    [InlineData("acquire", "local entry = entry_of(handle)\nif entry then", "local entry = nil\nif entry then", "a retry that takes a second lock")]
    [InlineData("acquire", "if is_finished(of, number) then return answer(3) end", "", "a late copy that takes a lock for nobody")]
    [InlineData("acquire", "is_kept_back(claim.resource, there, claim.mode, #claims, NEVER)", "false", "newcomers that overtake")]
    [InlineData("*", "if found.deadline > now then return found end", "if true then return found end", "a dead session that acts")]
    [InlineData("*", "elseif holder.mode ~= SIGNAL and not is_alive(session_of(holder.handle)) then", "elseif false then", "holders that died and still hold")]
    [InlineData("*", "if not is_alive(session_of(waiter.handle)) then return nil, waiter end", "", "the dead are granted")]
    [InlineData("*", "for _, claim in ipairs(entry.claims) do\n    local of = record(claim.resource)\n    if of then", "for _, claim in ipairs({entry.claims[1]}) do\n    local of = record(claim.resource)\n    if of then", "a release of one of several resources")]
    [InlineData("*", "if of then finish(id, of, (up('>I7', holder.handle, 20))) end", "", "a copy takes again what had reached its bound")]
    [InlineData("renew", "if now < written then", "if false then", "a clock that was set back is not noticed")]
    [InlineData("renew", "settle()\n\nlocal reports = {}", "local reports = {}", "a sweep that grants nobody what it freed")]
    [InlineData("convert", "step < holder.step then", "false then", "an upgrade that comes back after it was undone")]
    [InlineData("convert", "holder.mode, holder.token = EXCLUSIVE, tick()", "holder.mode = EXCLUSIVE", "an upgrade without a new token")]
    [InlineData("*", "if of.upgrade then return true end", "", "newcomers that keep an upgrade waiting")]
    [InlineData("*", "if not is_changed and clock == stored_clock then return end", "if not is_changed then return end", "what was seen by who is refused is forgotten")]
    [InlineData("acquire", "or number > up('>I7', known[2], #known[2] - 6))", "or true)", "a late copy that takes what was given up in doubt")]
    [InlineData("acquire", "if signals < claims[1].capacity then break end", "break", "signals that nobody counts are kept")]
    [InlineData("renew", "id .. pk('>I7', ARGV[7]) .. '\\255'", "id .. '\\255'", "handles that came later are counted")]
    public async Task A_planted_bug_is_found(string script, string right, string wrong, string bug)
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        int planted = 0;

        // A server of its own: a bug may be a loop without an end.
        await using PrivateRedisServer alone = await PrivateRedisServer.StartAsync([], TestContext.Current.CancellationToken);
        await using HandDrivenRedis server = await HandDrivenRedis.StartAsync(alone, (name, source) =>
        {
            bool isMeant = script == name || (script == "*" && source.Contains("local function settle()", StringComparison.Ordinal));
            if (!isMeant)
                return source;
            Assert.Equal(2, source.Split(right).Length);
            planted++;
            return source.Replace(right, wrong, StringComparison.Ordinal);
        });
        Assert.NotEqual(0, planted);
        Exception? found = await Record.ExceptionAsync(async () => await CompareAsync(server, seed: 1, []));
        TestContext.Current.TestOutputHelper!.WriteLine($"{bug}: {found?.Message}");

        // By a difference, or by a script that breaks in the middle because what is stored makes no sense any more; a server that is slow or away finds nothing.
        bool isBroken = found is CoordinatorException { InnerException: RespServerException { Kind: RespErrorKind.Err } };
        Assert.True(found is Xunit.Sdk.XunitException || isBroken, $"Not found: {bug}. {found}");
    }

    private static async Task CompareAsync(HandDrivenRedis server, int seed, HashSet<string> seen)
    {
        Random random = new(seed);
        for (int i = 0; i < Histories; i++)
        {
            // Every history has locks of its own on the server.
            LockNamespace space = new($"{server.Prefix}.h{i}", partitions: 1);
            IReadOnlyList<LockRequestHistory.Transition> transitions = LockRequestHistory.Make(random.Next(), random.Next(20, 240));
            await using Pushes pushes = await Pushes.OpenAsync(server, space);
            for (int at = 0; at < transitions.Count; at++)
                await CompareAsync(server, space, transitions, at, seen);
            string expected = string.Join('\n', transitions.SelectMany(static transition => transition.Wakes).OrderBy(static wake => wake.Session.Low));
            string actual = string.Join('\n', (await pushes.AllAsync()).OrderBy(static wake => wake.Session.Low));
            if (expected != actual)
                Assert.Fail($"History {i}\nthe transitions told:\n{expected}\nthe scripts told:\n{actual}");
            seen.UnionWith(transitions.SelectMany(static transition => transition.Wakes).Select(static wake => $"wake {wake.Kind}"));
        }
    }

    private static async Task CompareAsync(HandDrivenRedis server, LockNamespace space, IReadOnlyList<LockRequestHistory.Transition> transitions, int at, HashSet<string> seen)
    {
        LockRequestHistory.Transition transition = transitions[at];
        await server.SetClockAsync(transition.Now);
        object answered = await AskAsync(server.Locks, space, transition.Request);
        string expected = LockText.OfReply(transition.Reply), actual = LockText.OfReply(answered);
        if (expected != actual)
            Assert.Fail($"Step {at + 1} of {transitions.Count}: {Text(transition.Request)}\nthe transition: {expected}\nthe script:     {actual}\nbefore:\n{(at == 0 ? "" : LockText.OfState(transitions[at - 1].After))}");
        seen.Add((transition.Request, answered) switch
        {
            (ConvertRequest, AcquireReply reply) => $"convert {reply.Status}",
            (_, AcquireReply reply) => $"acquire {reply.Status}",
            (_, ReleaseReply reply) => $"release {reply.Status}",
            _ => "",
        });
        if (at % StepsBetweenLooks != 0 && at != transitions.Count - 1)
            return;
        LockSnapshot snapshot = await server.Locks.SnapshotAsync(space, 0, CancellationToken.None);
        expected = LockText.OfState(transition.After);
        actual = LockText.OfState(snapshot.State);
        if (expected != actual)
            Assert.Fail($"After step {at + 1} of {transitions.Count}: {Text(transition.Request)}\nthe transitions left:\n{expected}\nthe scripts left:\n{actual}");
        Assert.Empty(snapshot.Faults);
    }

    private static string Text(object request) => request is AcquireRequest acquire ? $"{acquire with { Claims = [] }} [{string.Join(' ', acquire.Claims)}]" : request.ToString()!;

    private static async Task<object> AskAsync(LockCoordinator coordinator, LockNamespace space, object request)
    {
        return request switch
        {
            OpenSessionRequest it => await SendAsync(it),
            RenewRequest it => await SendAsync(it),
            AcquireRequest it => await SendAsync(it),
            ConvertRequest it => await SendAsync(it),
            ReleaseRequest it => await SendAsync(it),
            CloseSessionRequest it => await SendAsync(it),
            ParticipantsRequest it => await SendAsync(it),
            RevokeRequest it => await SendAsync(it),
            ForgetRequest it => await SendAsync(it),
            SurveyRequest it => await SendAsync(it),
            HandlesRequest it => await SendAsync(it),
            _ => throw new NotSupportedException(request.GetType().Name),
        };

        ValueTask<TReply> SendAsync<TReply>(LockRequest<TReply> typed) => coordinator.SendAsync(space, 0, typed, CancellationToken.None);
    }

    /// <summary>The pushes of one history. A last message of the test's own on each channel says that all before it have come.</summary>
    private sealed class Pushes : ILockWakeSink, IAsyncDisposable
    {
        private const int MarkedPartition = 77;

        private readonly HandDrivenRedis _server;
        private readonly LockNamespace _space;
        private readonly List<ILockSubscription> _subscriptions = [];
        private readonly List<LockWake> _wakes = [];
        private readonly Lock _gate = new();
        private readonly SemaphoreSlim _marks = new(0);

        private Pushes(HandDrivenRedis server, LockNamespace space) => (_server, _space) = (server, space);

        private static IEnumerable<LockEngineId> Engines => Enumerable.Range(0, 3).Select(LockRequestHistory.Engine);

        public static async Task<Pushes> OpenAsync(HandDrivenRedis server, LockNamespace space)
        {
            Pushes pushes = new(server, space);
            foreach (LockEngineId engine in Engines)
            {
                ILockSubscription subscription = server.Locks.Subscribe(space, engine, pushes);
                pushes._subscriptions.Add(subscription);
                await subscription.ReadyAsync(0, CancellationToken.None);
            }

            return pushes;
        }

        public async Task<ImmutableArray<LockWake>> AllAsync()
        {
            byte[] mark = new byte[4 + 29];
            BinaryPrimitives.WriteInt32LittleEndian(mark, MarkedPartition);
            foreach (LockEngineId engine in Engines)
            {
                RespCommand command = _server.Client.Command("PUBLISH");
                await command.Write(RedisLockNamespace.Channel(_space, engine)).Write(mark).ExecuteAsync();
                await _marks.WaitAsync(TestContext.Current.CancellationToken);
            }

            lock (_gate)
                return [.. _wakes];
        }

        public void OnWake(int partition, in LockWake wake)
        {
            if (partition == MarkedPartition)
            {
                _marks.Release();
                return;
            }

            lock (_gate)
                _wakes.Add(wake);
        }

        public void OnGap(int partition) => Assert.Fail("A message was lost.");

        public async ValueTask DisposeAsync()
        {
            foreach (ILockSubscription subscription in _subscriptions)
                await subscription.DisposeAsync();
            _marks.Dispose();
        }
    }
}
