using System.Diagnostics;
using Sluice.Allocations;

namespace Sluice.Bench.Guard;

/// <summary>How fast a path is beside its reference.</summary>
/// <param name="Nanoseconds">Of one operation of the path, in its fastest turn.</param>
/// <param name="ReferenceNanoseconds">Of one operation of the reference, in its fastest turn.</param>
internal readonly record struct PathSpeed(double Nanoseconds, double ReferenceNanoseconds)
{
    /// <summary>The path's speed over the reference's: more is better.</summary>
    public double Ratio => ReferenceNanoseconds / Nanoseconds;
}

/// <summary>
/// Measures a hot path and its reference in turns of some milliseconds of the thread's own time on the processor, and keeps the fastest turn of each. Whatever else a machine does makes a turn longer
/// and none shorter, so among many turns the fastest is the one that nobody disturbed; and both sides are measured in the same second, so a slower machine changes both.
/// </summary>
internal static class PerformanceGuard
{
    private const int Turns = 40;

    private static readonly TimeSpan TurnTime = TimeSpan.FromMilliseconds(6);
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(700);

    /// <summary>Measures.</summary>
    public static PathSpeed Measure(GuardedPath path)
    {
        int product = Warm(path.Product), reference = Warm(path.Reference);
        PathSpeed fastest = new(double.MaxValue, double.MaxValue);
        for (int turn = 0; turn < Turns; turn++)
        {
            // Every other time the other way round: being first must not always favour the same one.
            double own, other;
            if (turn % 2 == 0)
            {
                own = Time(path.Product, product);
                other = Time(path.Reference, reference);
            }
            else
            {
                other = Time(path.Reference, reference);
                own = Time(path.Product, product);
            }

            fastest = new PathSpeed(Math.Min(fastest.Nanoseconds, own), Math.Min(fastest.ReferenceNanoseconds, other));
        }

        return fastest;
    }

    /// <summary>Runs it until optimised code has taken over.</summary>
    /// <returns>How many operations make a turn; a multiple of 1,000, since some paths work by the hundred.</returns>
    private static int Warm(AllocationCase subject)
    {
        long began = Stopwatch.GetTimestamp(), calls = 0;
        double nanoseconds = double.MaxValue;
        while (calls < 60 || Stopwatch.GetElapsedTime(began) < WarmUp)
        {
            nanoseconds = Math.Min(nanoseconds, Time(subject, 1_000));
            calls++;
        }

        return Math.Max(1, (int)(TurnTime.TotalNanoseconds / nanoseconds / 1_000)) * 1_000;
    }

    private static double Time(AllocationCase subject, int operations)
    {
        long began = ThreadTime.Now;
        subject.Run(operations);
        return (double)(ThreadTime.Now - began) / operations;
    }
}
