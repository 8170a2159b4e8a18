using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace Sluice.Tests.Simulation;

internal enum StepKind
{
    Merge,
    Flush,
    End,
    Force,
    Work,
    Barrier,
    Beat,
    Sweep,
    Claim,
    Complete,
    Extend,
    Abandon,
    Leave,
    Deliver,
    Time,
    SetClock,
    Crash,
    Pause,
    Resume,
    Rollback,
}

/// <summary>What happens to a request on its way.</summary>
internal enum Fault
{
    None,
    RequestLost,
    ReplyLost,
    RequestLate,
    ReplyLate,
    Duplicated,
}

/// <summary>
/// One thing that happens. Its numbers are taken modulo what there is at that moment, so that every sequence of steps is a possible history and any step
/// can be left out.
/// </summary>
internal readonly record struct Step(StepKind Kind, int Engine, int Target, Fault Fault, int Amount)
{
    private static readonly StepKind[] Kinds = Weigh(
        (StepKind.Merge, 22), (StepKind.Flush, 12), (StepKind.End, 8), (StepKind.Force, 3), (StepKind.Work, 26), (StepKind.Barrier, 2), (StepKind.Beat, 5),
        (StepKind.Sweep, 4), (StepKind.Claim, 10), (StepKind.Complete, 12), (StepKind.Extend, 1), (StepKind.Abandon, 2), (StepKind.Leave, 2),
        (StepKind.Deliver, 6), (StepKind.Time, 8), (StepKind.SetClock, 1), (StepKind.Crash, 1), (StepKind.Pause, 2), (StepKind.Resume, 3), (StepKind.Rollback, 2));

    private static readonly Fault[] Faults =
    [
        Fault.None, Fault.None, Fault.None, Fault.None, Fault.None, Fault.None, Fault.RequestLost, Fault.ReplyLost, Fault.ReplyLost, Fault.RequestLate,
        Fault.ReplyLate, Fault.Duplicated,
    ];

    /// <summary>Time passes for more than half of a tombstone's life.</summary>
    public bool IsLongSleep => Kind == StepKind.Time && Amount % 16 == 0;

    public static Step Decode(int code)
    {
        uint rest = (uint)code;
        StepKind kind = Kinds[Take(Kinds.Length)];
        int engine = Take(12);
        int target = Take(12);
        Fault fault = Faults[Take(Faults.Length)];
        return new Step(kind, engine, target, fault, (int)rest);

        int Take(int choices)
        {
            int choice = (int)(rest % (uint)choices);
            rest /= (uint)choices;
            return choice;
        }
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Kind} engine {Engine} target {Target} amount {Amount}{(Fault == Fault.None ? "" : " " + Fault)}");

    private static StepKind[] Weigh(params (StepKind Kind, int Weight)[] weights) =>
        [.. weights.SelectMany(static entry => Enumerable.Repeat(entry.Kind, entry.Weight))];
}

/// <summary>A sequence of steps, as FsCheck makes and shrinks it.</summary>
internal sealed class History(Step[] steps)
{
    private const int Length = 110;

    public Step[] Steps { get; } = steps;

    /// <summary>Random histories. A failing one shrinks by leaving out steps, then by leaving out faults.</summary>
    public static Arbitrary<History> Any { get; } = Arb.From(
        Gen.Choose(0, int.MaxValue).Select(Step.Decode).ArrayOf().Resize(Length).Select(static steps => new History(steps)), Shorter);

    public override string ToString() => string.Join("", Steps.Select(static step => $"\n  {step}"));

    private static IEnumerable<History> Shorter(History history)
    {
        Step[] steps = history.Steps;
        for (int part = Math.Max(steps.Length / 2, 1); part > 0; part /= 2)
        {
            for (int at = 0; at < steps.Length; at += part)
                yield return new History([.. steps[..at], .. steps[Math.Min(at + part, steps.Length)..]]);
        }

        for (int i = 0; i < steps.Length; i++)
        {
            if (steps[i].Fault != Fault.None)
                yield return new History([.. steps[..i], steps[i] with { Fault = Fault.None }, .. steps[(i + 1)..]]);
        }
    }
}
