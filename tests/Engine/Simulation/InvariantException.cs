namespace Sluice.Tests.Simulation;

/// <summary>An invariant of the protocol does not hold.</summary>
public sealed class InvariantException : Exception
{
    public InvariantException(string invariant, string what)
        : base($"{invariant}: {what}") => Invariant = invariant;

    public InvariantException()
        : this("?", "?")
    {
    }

    public InvariantException(string message)
        : this("?", message)
    {
    }

    public InvariantException(string message, Exception innerException)
        : base(message, innerException) => Invariant = "?";

    /// <summary>Its name in the protocol's description.</summary>
    public string Invariant { get; }

    /// <summary>Throws unless it holds.</summary>
    public static void Require(bool holds, string invariant, string what)
    {
        if (!holds)
            throw new InvariantException(invariant, what);
    }
}
