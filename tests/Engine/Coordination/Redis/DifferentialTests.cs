using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>The scripts on a real server against the pure transitions: the same random history gives the same answers and leaves the same partition.</summary>
/// <remarks>Prevents a script that keeps every promise that somebody thought of, and is different all the same.</remarks>
public sealed class DifferentialTests(SharedRedisServer shared)
{
    private const int Histories = 60;
    private const int StepsBetweenLooks = 16;

    [Theory]
    [InlineData(false, 1, false, false)]
    [InlineData(true, 2, false, false)]
    [InlineData(false, 3, true, false)]
    [InlineData(false, 4, false, true)]
    public async Task Scripts_and_transitions_answer_every_history_alike(bool byInactivity, int seed, bool hasOpaque, bool countsReferences)
    {
        await using HandDrivenRedis server = await HandDrivenRedis.StartAsync(await shared.GetAsync());
        PartitionHistory.Answers answers = new();
        await CompareAsync(server, byInactivity, seed, answers, hasOpaque, countsReferences);
        Assert.Empty(answers.Missing(byInactivity, hasOpaque, countsReferences));
    }

    // A comparison that finds nothing wrong with these would find nothing at all.
    [Theory]
    [InlineData("flush", "if number <= last then", "if false then", "a batch applies twice")]
    [InlineData("flush", "if number ~= last + 1 then", "if false then", "a gap is not noticed")]
    [InlineData("flush", "if tomb then return", "if false then return", "the fenced come back")]
    [InlineData("flush", "if number ~= 1 or now", "if false and now", "a stranger is taken for a newcomer")]
    [InlineData("flush", "if not was then holders, references, held = holders + 1, references + 1, held + 1 end", "holders, references, held = holders + 1, references + 1, held + 1", "the count follows what items say")]
    [InlineData("flush", "if forced then\n        due", "if false then\n        due", "forced sessions wait")]
    [InlineData("flush", "due, due_after = hard_due, hard\n", "due, due_after = due, due_after\n", "a newcomer doesn't postpone the end")]
    [InlineData("flush", "if contributed ~= generation then", "if true then", "retries and later flushes count as memberships")]
    [InlineData("claim", "if predecessors[i] then", "if false then", "a second session is sealed over the first")]
    [InlineData("claim", "pk('<I7I7I4I7I7', generation, tick(), attempt + 1", "pk('<I7I7I4I7I7', generation, clock, attempt + 1", "a hand-over without a new token")]
    [InlineData("acknowledge", "sub(record, 1, 14) == ARGV[2 * i + 1]", "sub(record, 1, 7) == sub(ARGV[2 * i + 1], 1, 7)", "acknowledged by the generation alone")]
    [InlineData("acknowledge", "byte(open, 5) % 4 > 1", "false", "a successor waits for ever")]
    [InlineData("reap", "if deadline > now then return {0, 0, now, first(KEYS[8])} end", "", "the living are reaped")]
    [InlineData("reap", "if remaining > 0 then call('ZADD', KEYS[5], now, id)", "if false then", "what a reaper left is never taken back")]
    [InlineData("beat", "if known[1] and now < written then", "if false then", "a clock that was set back is not noticed")]
    [InlineData("beat", "if not call('ZSCORE', KEYS[5], dead) then", "if true then", "a tombstone is purged before its references are taken back")]
    [InlineData("leave", "if owned > 0 then", "if false then", "who leaves keeps what it holds")]
    [InlineData("abandon", "local token, backoff, status = tick()", "local token, backoff, status = up('<I7', record, 8)", "what was given back can still be acknowledged")]
    [InlineData("compact", "redis.sha1hex(sub(large, from, from + length - 1)) ~= version", "false", "what was merged already is merged once more")]
    [InlineData("compact", "if not sealed or up('<I7', sealed) ~= generation then return 0 end", "if not sealed then return 0 end", "a merge of one session lands in another")]
    [InlineData("compact", "sub(large, from + length, behind - 1)", "''", "what arrived after the merge is lost")]
    [InlineData("compact", "if not is_item(field, merged) or merge_record(schema, '', large, '') ~= 0 then return 3 end", "", "anything is stored")]
    [InlineData("flush", "if items > 16 then return true end", "", "deltas pile up and nobody is told")]
    public async Task A_planted_bug_is_found(string script, string right, string wrong, string bug)
    {
        await using HandDrivenRedis server = await HandDrivenRedis.StartAsync(await shared.GetAsync(), (name, source) =>
        {
            if (name != script)
                return source;
            Assert.Equal(2, source.Split(right).Length);
            return source.Replace(right, wrong, StringComparison.Ordinal);
        });
        Exception? found = await Record.ExceptionAsync(async () => await CompareAsync(server, byInactivity: false, seed: 1, new PartitionHistory.Answers(), hasOpaque: script == "compact" || right.Contains("items", StringComparison.Ordinal)));
        Assert.True(found is Xunit.Sdk.XunitException or CoordinatorException, $"Not found: {bug}.");
        TestContext.Current.TestOutputHelper!.WriteLine($"{bug}: {found.Message}");
    }

    // The same for what references add.
    [Theory]
    [InlineData("flush", "if generation == 0 then generation, created, hard_due = tick(), now, after(now, hard) end", "", "a reference alone is no generation, and its end runs no callback")]
    [InlineData("claim", "local successor = flags > 7 and holders > 0 and tick()", "local successor", "who holds on after a forced end has no generation")]
    [InlineData("flush", "local last_out = claim_lease and was and not holds", "local last_out = claim_lease and not holds", "whoever lets go of what it does not hold is the last")]
    [InlineData("flush", "local last_out = claim_lease and was and not holds and holders == 0", "local last_out = claim_lease and was and not holds", "everybody who lets go is the last")]
    [InlineData("flush", "last_out and not call('HGET', KEYS[10], resource)", "last_out", "a callback is begun over the one before it")]
    [InlineData("flush", "if sealed and sub(sealed, 1, 14) == sub(outcomes, at, at + 13) and", "if sealed and", "a copy is given somebody else's claim")]
    [InlineData("flush", "if not claim_lease or number ~= last", "if true or number ~= last", "a claim is lost with the reply that brought it")]
    [InlineData("flush", "elseif not blob and not forced and not claim_lease then", "elseif not blob and not forced then", "a reference beyond the limit ends at once")]
    [InlineData("flush", "was and pk('<I7', contributed) .. sub(owned[i], 8) or", "", "a holder's time begins anew with each modification")]
    [InlineData("flush", "if size > 0 and not (claim_lease and not holds and generation == 0) then", "if size > 0 then", "what somebody who holds nothing says begins a generation")]
    public async Task A_planted_bug_of_references_is_found(string script, string right, string wrong, string bug)
    {
        await using HandDrivenRedis server = await HandDrivenRedis.StartAsync(await shared.GetAsync(), (name, source) =>
        {
            if (name != script)
                return source;
            Assert.Equal(2, source.Split(right).Length);
            return source.Replace(right, wrong, StringComparison.Ordinal);
        });
        Exception? found = await Record.ExceptionAsync(
            async () => await CompareAsync(server, byInactivity: false, seed: 4, new PartitionHistory.Answers(), hasOpaque: false, countsReferences: true));
        Assert.True(found is Xunit.Sdk.XunitException or CoordinatorException, $"Not found: {bug}.");
        TestContext.Current.TestOutputHelper!.WriteLine($"{bug}: {found.Message}");
    }

    private static async Task CompareAsync(HandDrivenRedis server, bool byInactivity, int seed, PartitionHistory.Answers answers, bool hasOpaque, bool countsReferences = false)
    {
        Random random = new(seed);
        for (int i = 0; i < Histories; i++)
        {
            List<PartitionHistory.Transition> transitions = [];
            PartitionHistory history = new(byInactivity, answers, transitions.Add, hasOpaque, countsReferences);
            for (int step = random.Next(20, 240); step > 0; step--)
                history.Take(random.Next());
            history.Quiesce();

            // Every history has a partition of its own on the server.
            CoordinationNamespace space = server.Namespace(PartitionHistory.SchemaOf(hasOpaque), $"h{i}", partitions: 1);
            for (int at = 0; at < transitions.Count; at++)
                await CompareAsync(server, space, transitions, at);
        }
    }

    private static async Task CompareAsync(HandDrivenRedis server, CoordinationNamespace space, List<PartitionHistory.Transition> transitions, int at)
    {
        PartitionHistory.Transition transition = transitions[at];
        await server.SetClockAsync(transition.Now);
        object answered = await AskAsync(server.Coordinator, space, transition.Request);
        string expected = ReplyText.Of(transition.Request, transition.Reply), actual = ReplyText.Of(transition.Request, answered);
        if (expected != actual)
            Assert.Fail($"Step {at + 1} of {transitions.Count}: {transition.Request}\nthe transition: {expected}\nthe script:     {actual}");
        if (at % StepsBetweenLooks != 0 && at != transitions.Count - 1)
            return;
        PartitionSnapshot snapshot = await server.SnapshotAsync(space, 0);
        Assert.Empty(snapshot.Faults);
        Assert.Empty(PartitionInvariants.Check(snapshot.State));
        expected = Text(transition.After);
        actual = Text(snapshot.State);
        if (expected != actual)
            Assert.Fail($"After step {at + 1} of {transitions.Count}: {transition.Request}\nthe transitions left:\n{expected}\nthe scripts left:\n{actual}");
    }

    // The time of the last write serves only to notice a clock that was set back, and transitions that change nothing else need not keep it.
    private static string Text(PartitionState state) => StateText.Of(state with { LastWrite = 0 });

    private static async Task<object> AskAsync(Coordinator coordinator, CoordinationNamespace space, object request)
    {
        return request switch
        {
            FlushRequest it => await SendAsync(it),
            ClaimRequest it => await SendAsync(it),
            AcknowledgeRequest it => await SendAsync(it),
            ExtendRequest it => await SendAsync(it),
            AbandonRequest it => await SendAsync(it),
            BeatRequest it => await SendAsync(it),
            PokeRequest it => await SendAsync(it),
            ReapRequest it => await SendAsync(it),
            LeaveRequest it => await SendAsync(it),
            EndRequest it => await SendAsync(it),
            CompactRequest it => await SendAsync(it),
            PeekRequest it => await SendAsync(it),
            HoldersRequest it => await SendAsync(it),
            MembersRequest it => await SendAsync(it),
            ClaimsRequest it => await SendAsync(it),
            DeadLettersRequest it => await SendAsync(it),
            ReplayRequest it => await SendAsync(it),
            PurgeRequest it => await SendAsync(it),
            _ => throw new NotSupportedException(request.GetType().Name),
        };

        ValueTask<TReply> SendAsync<TReply>(CoordinatorRequest<TReply> typed) => coordinator.SendAsync(space, 0, typed, CancellationToken.None);
    }
}
