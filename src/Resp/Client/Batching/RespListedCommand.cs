using System.Diagnostics.CodeAnalysis;
using Sluice.Resp.Client;

namespace Sluice.Resp;

/// <summary>A command of a batch or transaction that is being written: <c>batch.Command(IncrementBy).Key(key).Write(1).Add()</c>.</summary>
/// <remarks>Lives on the stack of one thread. An exception before <see cref="Add"/> leaves the batch as it was. Allocates nothing.</remarks>
public ref struct RespListedCommand
{
    private readonly RespCommandList _list;
    private readonly Script? _script;
    private CommandDraft _draft;

    internal RespListedCommand(RespCommandList list, RespCommandPrefix prefix)
    {
        _list = list;
        _draft = new CommandDraft(prefix, ConnectionNeed.None);
    }

    internal RespListedCommand(RespCommandList list, string name, Script? script)
    {
        _list = list;
        _script = script;
        _draft = new CommandDraft(name, ConnectionNeed.None);
    }

    internal RespListedCommand(RespCommandList list, Script script)
    {
        _list = list;
        _script = script;
        _draft = new CommandDraft("EVALSHA", script.CallBytes, arguments: 2);
    }

    /// <summary>Writes a key; the first one decides about the connection.</summary>
    [UnscopedRef]
    public ref RespListedCommand Key(scoped ReadOnlySpan<byte> key)
    {
        _draft.Key(key);
        return ref this;
    }

    /// <summary>Writes a key; the first one decides about the connection.</summary>
    /// <exception cref="System.Text.EncoderFallbackException">Half a surrogate pair: not text.</exception>
    [UnscopedRef]
    public ref RespListedCommand Key(scoped RespArgument key)
    {
        _draft.Key(key);
        return ref this;
    }

    /// <summary>Writes bytes as they are.</summary>
    [UnscopedRef]
    public ref RespListedCommand Write(scoped ReadOnlySpan<byte> argument)
    {
        _draft.Write(argument);
        return ref this;
    }

    /// <summary>Writes a number in decimal digits.</summary>
    [UnscopedRef]
    public ref RespListedCommand Write(long argument)
    {
        _draft.Write(argument);
        return ref this;
    }

    /// <summary>Writes whatever it is.</summary>
    /// <exception cref="System.Text.EncoderFallbackException">Half a surrogate pair: not text.</exception>
    [UnscopedRef]
    public ref RespListedCommand Write(scoped RespArgument argument)
    {
        _draft.Write(argument);
        return ref this;
    }

    /// <summary>Adds it to its batch or transaction.</summary>
    /// <returns>The index under which its reply is found.</returns>
    /// <exception cref="InvalidOperationException">The number of arguments is not the announced one, or the batch is being executed.</exception>
    public int Add()
    {
        int index = _list.Add(_draft.Complete(), _draft, _script);
        _draft.Dispose();
        return index;
    }
}
