using Sluice.Resp;

namespace Sluice.Fuzz.Targets;

/// <summary>Code under test together with all that must hold for every input. Not thread-safe; one run after the other.</summary>
internal abstract class FuzzTarget
{
    /// <summary>Longest input that <see cref="Run"/> takes, in bytes.</summary>
    public const int MaxInput = 64 * 1024;

    /// <summary>How it is called on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>Work done so far, in any unit that the input alone decides; null where it isn't counted, and then not judged.</summary>
    public Func<long>? Work { get; init; }

    /// <summary>Runs one input.</summary>
    /// <param name="input">Any bytes.</param>
    /// <param name="thorough">Also what is too slow to be done for each of millions of inputs: members that throw, cuts at every byte.</param>
    /// <exception cref="OracleException">Something that must hold doesn't. Any other exception is a finding too.</exception>
    public abstract void Run(ReadOnlySpan<byte> input, bool thorough);

    /// <summary>All targets.</summary>
    public static FuzzTarget[] All(Func<long>? work = null) =>
    [
        new ScannerTarget("scanner", RespLimits.Default) { Work = work },
        new ScannerTarget("limits", ScannerTarget.Tight) { Work = work },
        new ScannerTarget("frames", ScannerTarget.ShortFrames) { Work = work },
        new ReaderTarget { Work = work },
    ];
}

/// <summary>Something that must hold for every input doesn't.</summary>
internal sealed class OracleException(string rule, string details) : Exception($"{rule}: {details}")
{
    /// <summary>Which rule, without the particulars of the input: findings with the same rule are taken for the same.</summary>
    public string Rule { get; } = rule;

    public static void Demand(bool condition, string rule)
    {
        if (!condition)
            throw new OracleException(rule, "");
    }
}
