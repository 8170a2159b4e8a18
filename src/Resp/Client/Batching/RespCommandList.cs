using Sluice.Resp.Client;

namespace Sluice.Resp;

/// <summary>Commands that are sent together. Begin one with <see cref="Command(RespCommandPrefix)"/>, end it with <see cref="RespListedCommand.Add"/>.</summary>
/// <remarks>Not thread-safe. May be used again after <see cref="Clear"/>; then it allocates nothing any more.</remarks>
public abstract class RespCommandList : IDisposable
{
    private protected RespCommandList()
    {
    }

    /// <summary>How many commands were added.</summary>
    public abstract int Count { get; }

    /// <summary>What became of a command, after the execution has ended, whichever way.</summary>
    /// <param name="index">What <see cref="RespListedCommand.Add"/> returned.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such command.</exception>
    /// <exception cref="InvalidOperationException">They were not executed, or are being executed.</exception>
    public abstract RespReply this[int index] { get; }

    /// <summary>Begins a command whose name and number of arguments are known beforehand.</summary>
    /// <exception cref="NotSupportedException">A command that blocks, subscribes or changes the connection, which others use too; the message names the API for it.</exception>
    public RespListedCommand Command(RespCommandPrefix prefix) => new(this, prefix);

    /// <summary>Begins any command. Words of a subcommand are separated by one space.</summary>
    /// <inheritdoc cref="Command(RespCommandPrefix)" path="/exception"/>
    public RespListedCommand Command(string name) => new(this, name, script: null);

    /// <summary>Begins the call of a script.</summary>
    /// <param name="script">The script.</param>
    /// <param name="keyCount">How many keys come first.</param>
    public RespListedCommand Command(Script script, int keyCount)
    {
        ArgumentNullException.ThrowIfNull(script);
        ArgumentOutOfRangeException.ThrowIfNegative(keyCount);
        RespListedCommand command = SendsSource ? new(this, "EVAL", script) : new(this, script);
        if (SendsSource)
            command.Write(script.SourceBytes);
        command.Write(keyCount);
        return command;
    }

    /// <summary>Forgets commands and replies, and keeps the memory.</summary>
    public abstract void Clear();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives pooled memory back.</summary>
    /// <param name="disposing">True: called by the user.</param>
    protected abstract void Dispose(bool disposing);

    /// <summary>Scripts go out as their source: where a server that does not know them could not be asked again.</summary>
    internal abstract bool SendsSource { get; }

    /// <summary>Takes a command.</summary>
    /// <returns>Its index.</returns>
    internal abstract int Add(ReadOnlySpan<byte> frame, in CommandDraft draft, Script? script);
}
