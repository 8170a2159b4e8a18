namespace Sluice.Cli.Arguments;

/// <summary>The command line asks for something that can't be. The message names the option, the value and what is accepted.</summary>
internal sealed class BadArgumentException(string message) : Exception(message);
