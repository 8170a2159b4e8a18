using Sluice.Coordination;
using Sluice.Coordination.Redis;
using Sluice.Harness.Conformance;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>The scripts on a real server against the pure transitions: the same random history gives the same answers and leaves the same partition.</summary>
/// <remarks>Prevents a script that keeps every promise that somebody thought of, and is different all the same.</remarks>
public sealed class DifferentialTests(SharedRedisServer shared)
{
    private const int Histories = 60;
    private const int StepsBetweenLooks = 16;

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public async Task Scripts_and_transitions_answer_every_history_alike(bool byInactivity, int seed)
    {
        await using HandDrivenRedis server = await HandDrivenRedis.StartAsync(await shared.GetAsync());
        Random random = new(seed);
        PartitionHistory.Answers answers = new();
        for (int i = 0; i < Histories; i++)
        {
            List<PartitionHistory.Transition> transitions = [];
            PartitionHistory history = new(byInactivity, answers, transitions.Add);
            for (int step = random.Next(20, 240); step > 0; step--)
                history.Take(random.Next());
            history.Quiesce();

            // Every history has a partition of its own on the server.
            CoordinationNamespace space = server.Namespace(Item.Schema, $"h{i}", partitions: 1);
            for (int at = 0; at < transitions.Count; at++)
                await CompareAsync(server, space, transitions, at);
        }

        Assert.Empty(answers.Missing(byInactivity));
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
