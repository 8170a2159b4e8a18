using FsCheck;
using FsCheck.Fluent;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>
/// Random histories of lock requests against the pure transitions: right ones, late copies, sessions that die, bounds that pass, a clock that jumps. After
/// every step the partition is sound, nobody believes what can't be, tokens grow, and nobody waits without a reason; at the end nothing is left.
/// </summary>
/// <remarks>Prevents what single tests can't: a bug that needs four unrelated things to happen in a row.</remarks>
public sealed class LockTransitionHistoryTests
{
    /// <summary>Steps are numbers, so that a failing history shrinks to the few steps that matter.</summary>
    private static readonly Arbitrary<int[]> Histories = Arb.From(Gen.Choose(0, int.MaxValue - 1).ArrayOf().Resize(300), Shorter);

    [Fact]
    public void Every_history_keeps_the_partition_sound_and_nobody_holds_what_somebody_else_holds()
    {
        LockHistory.Answers answers = new();
        Prop.ForAll(Histories, history => Run(LockTransitions.Apply, history, answers)).Check(Config.QuickThrowOnFailure.WithMaxTest(400).WithReplay(20261, 41));

        // Otherwise the property would hold because nothing happens in it.
        Assert.Empty(answers.Missing);
    }

    // Prevents: a check that can't fail. The same histories must find each of these.
    [Theory]
    [InlineData(nameof(PlantedLockBugs.ReleasesWhoeverHolds))]
    [InlineData(nameof(PlantedLockBugs.TokensBeginAnewWithTheRecord))]
    [InlineData(nameof(PlantedLockBugs.WakesAreLost))]
    [InlineData(nameof(PlantedLockBugs.RevivesTheDead))]
    [InlineData(nameof(PlantedLockBugs.ForgetsDoubtfulReleases))]
    [InlineData(nameof(PlantedLockBugs.LeavesTheBusyInTheQueue))]
    [InlineData(nameof(PlantedLockBugs.NobodyDies))]
    [InlineData(nameof(PlantedLockBugs.IgnoresBounds))]
    [InlineData(nameof(PlantedLockBugs.TakesHalfOfSeveral))]
    public void A_planted_bug_is_found(string bug)
    {
        LockServer server = typeof(PlantedLockBugs).GetMethod(bug)!.CreateDelegate<LockServer>();
        LockHistory.Answers answers = new();
        string? found = null;
        for (ulong seed = 1; seed <= 60 && found is null; seed++)
        {
            Random random = new((int)seed);
            try
            {
                Run(server, [.. Enumerable.Range(0, 300).Select(_ => random.Next())], answers);
            }
            catch (LockViolationException violation)
            {
                found = violation.Message;
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{bug}: {found}");
        Assert.NotNull(found);
    }

    private static void Run(LockServer server, int[] history, LockHistory.Answers answers)
    {
        LockHistory run = new(server, answers);
        foreach (int step in history)
            run.Take(step);
        run.Quiesce();
    }

    private static IEnumerable<int[]> Shorter(int[] history)
    {
        for (int part = history.Length / 2; part > 0; part /= 2)
        {
            for (int at = 0; at < history.Length; at += part)
                yield return [.. history[..at], .. history[Math.Min(at + part, history.Length)..]];
        }
    }
}
