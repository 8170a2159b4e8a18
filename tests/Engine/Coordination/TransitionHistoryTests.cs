using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Sluice.Tests.Coordination;

/// <summary>
/// Random histories of requests against the pure transitions: right ones, late copies, wrong numbers, stale tickets, dead incarnations, a clock that
/// jumps. After every step the partition is sound, nothing is lost or counted twice, numbers grow, and what should change nothing did not.
/// </summary>
/// <remarks>Prevents what single tests can't: a bug that needs four unrelated things to happen in a row.</remarks>
public sealed class TransitionHistoryTests
{
    /// <summary>Steps are numbers, so that a failing history shrinks to the few steps that matter.</summary>
    private static readonly Arbitrary<int[]> Histories = Arb.From(Gen.Choose(0, int.MaxValue - 1).ArrayOf().Resize(240), Shorter);

    [Theory]
    [InlineData(false, 31ul, false, false)]
    [InlineData(true, 37ul, false, false)]
    [InlineData(false, 41ul, true, false)]
    [InlineData(false, 43ul, false, true)]
    public void Every_history_keeps_the_partition_sound_and_every_update_in_one_place(bool byInactivity, ulong gamma, bool hasOpaque, bool countsReferences)
    {
        PartitionHistory.Answers answers = new();
        Prop.ForAll(Histories, history =>
        {
            PartitionHistory run = new(byInactivity, answers, hasOpaque: hasOpaque, countsReferences: countsReferences);
            foreach (int step in history)
                run.Take(step);
            run.Quiesce();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(250).WithReplay(20260, gamma));

        // Otherwise the property would hold because nothing happens in it.
        Assert.Empty(answers.Missing(byInactivity, hasOpaque, countsReferences));
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
