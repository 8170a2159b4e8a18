namespace Sluice.Harness.Faults;

/// <summary>
/// Random faults for a long run: each connection is cut in one of the three ways, in one of the directions, after a random number of bytes; some are trickled or
/// delayed before. Every connection ends sooner or later by itself: none stalls, and no byte is changed, unless asked for.
/// </summary>
/// <param name="seed">The same seed makes the same faults for the n-th connection, whatever the order in which they are asked for.</param>
/// <param name="shortest">The fewest bytes before a cut.</param>
/// <param name="longest">The most bytes before a cut. The number is drawn evenly over its logarithm: early cuts, in the middle of a handshake, are as likely as late ones.</param>
public sealed class SeededFaults(ulong seed, long shortest, long longest)
{
    /// <summary>The share of connections that trickle in one direction, for they are slow. From 0 to 1.</summary>
    public double Trickling { get; init; }

    /// <summary>The share of connections with one byte changed somewhere before the cut, in the direction of replies. From 0 to 1.</summary>
    public double Flipping { get; init; }

    /// <summary>The share of connections that are delayed in both directions. From 0 to 1.</summary>
    public double Delaying { get; init; }

    /// <summary>The longest delay.</summary>
    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>What happens to the connection with this number, from 0 on. Thread-safe.</summary>
    public ConnectionFaults For(int connection)
    {
        // One generator for each connection: two draws of neighbouring seeds have nothing in common.
        SplitMix64 random = new(seed ^ ((ulong)(uint)connection << 32));
        _ = random.Next();
        FaultDirection cutDirection = (FaultDirection)random.Next(2);
        DirectionFaults cut = new() { CutAfter = Position(ref random), Cut = (FaultCut)random.Next(3) };
        DirectionFaults other = DirectionFaults.None;
        if (random.NextDouble() < Trickling)
            cut = cut with { Trickle = true };
        if (random.NextDouble() < Delaying)
        {
            TimeSpan delay = LongestDelay * random.NextDouble();
            (cut, other) = (cut with { Delay = delay }, other with { Delay = delay });
        }

        (DirectionFaults toServer, DirectionFaults toClient) = cutDirection == FaultDirection.ToServer ? (cut, other) : (other, cut);
        if (random.NextDouble() < Flipping)
            toClient = toClient with { FlipAt = Position(ref random), FlipMask = (byte)(1 << random.Next(8)) };
        return new ConnectionFaults(toServer, toClient);
    }

    private long Position(ref SplitMix64 random)
    {
        double from = Math.Log(shortest + 1), to = Math.Log(longest + 1);
        return (long)Math.Round(Math.Exp(from + ((to - from) * random.NextDouble()))) - 1;
    }
}
