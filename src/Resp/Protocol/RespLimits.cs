namespace Sluice.Resp;

/// <summary>
/// How much a server may send before it counts as broken. A limit is checked against what a frame announces, before any memory is
/// reserved for it. Immutable; safe to share.
/// </summary>
public sealed record RespLimits
{
    // The scanner's path for small replies assumes that a number always fits.
    private const int SmallestLine = 64;

    // Equality and text of a RespValue descend once per level: a limit on depth is a limit on stack.
    private const int DeepestDepth = 512;

    /// <summary>The defaults.</summary>
    public static RespLimits Default { get; } = new();

    /// <summary>For bytes that a scanner with real limits has accepted before.</summary>
    internal static RespLimits None { get; } = new()
    {
        MaxLineBytes = int.MaxValue,
        MaxBulkBytes = long.MaxValue,
        MaxElements = int.MaxValue,
        MaxDepth = int.MaxValue,
        MaxFrameBytes = long.MaxValue,
    };

    /// <summary>Longest line (a simple string, an error, a number) in bytes, without its type and its line break. 64 or more; 64 KiB by default.</summary>
    public int MaxLineBytes { get; init; } = 64 * 1024;

    /// <summary>Longest bulk string, bulk error, verbatim string or streamed string in bytes. 0 or more; 512 MiB by default, which is Redis's own limit.</summary>
    public long MaxBulkBytes { get; init; } = 512L * 1024 * 1024;

    /// <summary>
    /// Most values inside one frame, on all levels together; a pair counts twice, an attribute or a push inside a reply counts once more than
    /// its content. 0 or more; 1 Mi by default.
    /// </summary>
    public int MaxElements { get; init; } = 1024 * 1024;

    /// <summary>Most arrays, sets, maps, pushes and attributes inside one another. 1 to 512; 32 by default.</summary>
    public int MaxDepth { get; init; } = 32;

    /// <summary>Longest reply with all it contains, in bytes. 64 to 2 GiB - 1; 1 GiB by default.</summary>
    public long MaxFrameBytes { get; init; } = 1024L * 1024 * 1024;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit is outside its range; the message names it.</exception>
    public void Validate()
    {
        AtLeast(MaxLineBytes, SmallestLine, nameof(MaxLineBytes));
        AtLeast(MaxBulkBytes, 0, nameof(MaxBulkBytes));
        AtLeast(MaxElements, 0, nameof(MaxElements));
        AtLeast(MaxDepth, 1, nameof(MaxDepth));
        AtLeast(MaxFrameBytes, SmallestLine, nameof(MaxFrameBytes));
        AtMost(MaxDepth, DeepestDepth, nameof(MaxDepth));
        AtMost(MaxFrameBytes, int.MaxValue, nameof(MaxFrameBytes));
    }

    private static void AtLeast(long value, long least, string name)
    {
        if (value < least)
            throw new ArgumentOutOfRangeException(name, value, $"{nameof(RespLimits)}.{name} is at least {least}.");
    }

    private static void AtMost(long value, long most, string name)
    {
        if (value > most)
            throw new ArgumentOutOfRangeException(name, value, $"{nameof(RespLimits)}.{name} is at most {most}.");
    }
}
