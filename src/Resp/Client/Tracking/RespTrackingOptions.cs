namespace Sluice.Resp;

/// <summary>Which keys the server tells a tracked connection of.</summary>
public enum RespTrackingMode
{
    /// <summary>Those that the connection has read; the server remembers them.</summary>
    Default,

    /// <summary>All that begin with one of the prefixes, read or not; the server remembers nothing (<c>BCAST</c>).</summary>
    Broadcast,
}

/// <summary>How a connection asks to be told of changed keys (<c>CLIENT TRACKING</c>). Immutable.</summary>
public sealed record RespTrackingOptions
{
    /// <summary>What the server tells.</summary>
    public RespTrackingMode Mode { get; init; }

    /// <summary>
    /// For <see cref="RespTrackingMode.Broadcast"/>: what keys begin with; none = all keys. Keys that begin with none of them are read, but not kept. None may begin with another one.
    /// </summary>
    public IReadOnlyList<string> Prefixes { get; init; } = [];

    /// <summary>Changes that this connection makes itself are not told.</summary>
    public bool NoLoop { get; init; }

    /// <summary>Throws if the options contradict each other.</summary>
    /// <exception cref="ArgumentException">Says which and why.</exception>
    public void Validate()
    {
        if (Prefixes.Count != 0 && Mode != RespTrackingMode.Broadcast)
            throw new ArgumentException($"{nameof(Prefixes)} are for {nameof(RespTrackingMode.Broadcast)}; in {Mode} the server tells of the keys that were read.", nameof(Prefixes));
        for (int one = 0; one < Prefixes.Count; one++)
        {
            for (int other = 0; other < Prefixes.Count; other++)
            {
                if (one != other && Prefixes[one].StartsWith(Prefixes[other], StringComparison.Ordinal))
                    throw new ArgumentException($"The prefix '{Prefixes[one]}' begins with the prefix '{Prefixes[other]}': the server refuses prefixes that overlap.", nameof(Prefixes));
            }
        }
    }
}
