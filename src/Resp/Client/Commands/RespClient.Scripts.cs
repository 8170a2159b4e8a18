using Sluice.Resp.Client;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    /// <summary>
    /// Begins the call of a script: EVALSHA, and EVAL on the same connection when the server does not know it. Write the keys, then the other arguments.
    /// </summary>
    /// <param name="script">The script.</param>
    /// <param name="keyCount">How many keys come first.</param>
    /// <remarks>A script that went out a second time ran after commands that were sent behind it.</remarks>
    public RespCommand Command(Script script, int keyCount)
    {
        ArgumentNullException.ThrowIfNull(script);
        ArgumentOutOfRangeException.ThrowIfNegative(keyCount);
        RespCommand command = new(_route, script);
        command.Write(keyCount);
        return command;
    }

    /// <summary>
    /// Begins the call of a function: FCALL, and FUNCTION LOAD before it on the same connection when the server does not have it. Write the keys, then the other arguments.
    /// </summary>
    /// <param name="function">The function.</param>
    /// <param name="keyCount">How many keys come first.</param>
    public RespCommand Command(Function function, int keyCount)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentOutOfRangeException.ThrowIfNegative(keyCount);
        RespCommand command = new(_route, "FCALL", function.Fallback, function.Name);
        command.Write(function.Name).Write(keyCount);
        return command;
    }

    /// <summary>SCRIPT LOAD: what calls do by themselves when it is needed.</summary>
    public ValueTask LoadAsync(Script script, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(script);
        return Command(CommandNames.ScriptLoad).Write(script.SourceBytes).ExecuteAsync(timeout, cancellationToken);
    }
}
