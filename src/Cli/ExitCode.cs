namespace Sluice.Cli;

/// <summary>The exit status of every command.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>What came out is not what went in; for <c>sluice doctor</c>: something is wrong.</summary>
    public const int NotConserved = 1;

    public const int BadArguments = 2;

    /// <summary>An input could not be read, or not to its end; what was read is completed.</summary>
    public const int UnreadableInput = 3;

    /// <summary>All worker processes were lost: what they had acknowledged is complete, the rest of the input was not taken.</summary>
    public const int WorkersLost = 4;

    /// <summary>A server can't be reached, refuses what is asked, or can't be relied on.</summary>
    public const int UnusableServer = 5;

    /// <summary>Stopped by Ctrl-C or SIGTERM; what was read is completed.</summary>
    public const int Interrupted = 130;
}
