namespace Sluice.Bench.Scenarios.Flushing;

/// <summary>The parts of a session's life that are measured each on its own, or all together.</summary>
internal sealed record SessionStep(string Name)
{
    /// <summary>A delta, and a reference that was not held before.</summary>
    public static SessionStep Join { get; } = new("join");

    /// <summary>A delta, and the reference is let go: the session ends.</summary>
    public static SessionStep Drop { get; } = new("drop");

    /// <summary>Reference, delta and end in one item, on a key that the server has never seen.</summary>
    public static SessionStep ColdShot { get; } = new("single-shot");

    public static SessionStep Claim { get; } = new("claim");

    public static SessionStep Acknowledge { get; } = new("acknowledge");

    /// <summary>A session of one event on a cold key: single-shot, claim and acknowledge.</summary>
    public static SessionStep Session { get; } = new("session");

    public static IReadOnlyList<SessionStep> Single { get; } = [Join, Drop, ColdShot, Claim, Acknowledge];
}
