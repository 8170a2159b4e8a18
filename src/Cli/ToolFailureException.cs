namespace Sluice.Cli;

/// <summary>A command can't go on. The message says what to do, and holds no secret.</summary>
/// <param name="exitCode">The status that the command ends with.</param>
/// <param name="message">What is wrong.</param>
internal sealed class ToolFailureException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
