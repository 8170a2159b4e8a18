namespace Sluice.Harness.Faults;

/// <summary>How often a <see cref="FaultyCoordinator"/> does what to a request; probabilities from 0 to 1, tried in this order.</summary>
/// <param name="LoseRequest">The request never arrives; the caller learns that the outcome is unknown.</param>
/// <param name="LoseReply">The request is carried out; the caller learns that the outcome is unknown.</param>
/// <param name="Late">The caller learns that the outcome is unknown; the request is carried out some time later, after its retries.</param>
/// <param name="Refuse">The request is not carried out, and the caller is told so.</param>
/// <param name="Duplicate">The request is carried out twice: at once, and again some time later.</param>
/// <param name="Delay">The request waits before it is carried out: later ones overtake it.</param>
/// <param name="LongestDelay">The longest wait of a late, duplicated or delayed request.</param>
internal sealed record FaultPlan(
    double LoseRequest, double LoseReply, double Late, double Refuse, double Duplicate, double Delay, TimeSpan LongestDelay)
{
    public static FaultPlan None { get; } = new(0, 0, 0, 0, 0, 0, TimeSpan.Zero);

    /// <summary>One request in five meets a fault.</summary>
    public static FaultPlan Rough { get; } = new(0.04, 0.04, 0.04, 0.02, 0.03, 0.03, TimeSpan.FromMilliseconds(8));
}
