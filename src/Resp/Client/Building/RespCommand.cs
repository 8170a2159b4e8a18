using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

/// <summary>
/// A command that is being written, argument by argument, and sent by the last call, which says what the reply is wanted as:
/// <c>client.Command(IncrementBy).Key(key).Write(1).ToInt64Async()</c>.
/// </summary>
/// <remarks>
/// <para>Lives on the stack of one thread, in memory of that thread; is sent once, in one expression or statement after statement, and not copied. An exception before the last call has no effect
/// on the connection. Allocates nothing, but for what a result is made of.</para>
/// <para>The first key decides which connection it takes (see <see cref="RespClientOptions.Connections"/>). Commands with the same key keep their order, awaited or not; a command without a key takes
/// the first connection.</para>
/// <para>A call that sends returns a task that must be awaited once and only once. It fails with <see cref="RespServerException"/> (the server's error), <see cref="RespTypeException"/> (a reply of another
/// type), <see cref="RespConnectionException"/> and <see cref="RespTimeoutException"/> (which say whether it may have run), <see cref="RespOverloadException"/> (not sent), or
/// <see cref="OperationCanceledException"/> (it may have run).</para>
/// </remarks>
public ref partial struct RespCommand
{
    private readonly CommandRoute _route;
    private readonly ReplyFallback? _fallback;
    private readonly string? _procedure;
    private CommandDraft _draft;

    internal RespCommand(CommandRoute route, RespCommandPrefix prefix)
    {
        _route = route;
        _draft = new CommandDraft(prefix, route.Serves);
    }

    internal RespCommand(CommandRoute route, string name, ReplyFallback? fallback = null, string? procedure = null)
    {
        _route = route;
        _draft = new CommandDraft(name, route.Serves);
        _fallback = fallback;
        _procedure = procedure;
    }

    internal RespCommand(CommandRoute route, Script script)
    {
        _route = route;
        _draft = new CommandDraft("EVALSHA", script.CallBytes, arguments: 2);
        _fallback = script.Fallback;
        _procedure = script.Name;
    }

    /// <summary>Writes a key; the first one decides about the connection.</summary>
    [UnscopedRef]
    public ref RespCommand Key(scoped ReadOnlySpan<byte> key)
    {
        _draft.Key(key);
        return ref this;
    }

    /// <summary>Writes a key as UTF-8; the first one decides about the connection.</summary>
    /// <exception cref="System.Text.EncoderFallbackException">Half a surrogate pair: not text.</exception>
    [UnscopedRef]
    public ref RespCommand Key(scoped ReadOnlySpan<char> key)
    {
        _draft.Key(key);
        return ref this;
    }

    /// <inheritdoc cref="Key(ReadOnlySpan{char})"/>
    [UnscopedRef]
    public ref RespCommand Key(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        _draft.Key(key.AsSpan());
        return ref this;
    }

    /// <inheritdoc cref="Key(ReadOnlySpan{char})"/>
    [UnscopedRef]
    public ref RespCommand Key(scoped RespArgument key)
    {
        _draft.Key(key);
        return ref this;
    }

    /// <summary>Writes bytes as they are.</summary>
    [UnscopedRef]
    public ref RespCommand Write(scoped ReadOnlySpan<byte> argument)
    {
        _draft.Write(argument);
        return ref this;
    }

    /// <summary>Writes text as UTF-8.</summary>
    /// <exception cref="System.Text.EncoderFallbackException">Half a surrogate pair: not text.</exception>
    [UnscopedRef]
    public ref RespCommand Write(scoped ReadOnlySpan<char> argument)
    {
        _draft.Write(argument);
        return ref this;
    }

    /// <inheritdoc cref="Write(ReadOnlySpan{char})"/>
    [UnscopedRef]
    public ref RespCommand Write(string argument)
    {
        ArgumentNullException.ThrowIfNull(argument);
        _draft.Write(argument.AsSpan());
        return ref this;
    }

    /// <summary>Writes a number in decimal digits.</summary>
    [UnscopedRef]
    public ref RespCommand Write(long argument)
    {
        _draft.Write(argument);
        return ref this;
    }

    /// <summary>Writes a number so that the same bits come out when it is read.</summary>
    [UnscopedRef]
    public ref RespCommand Write(double argument)
    {
        _draft.Write(argument);
        return ref this;
    }

    /// <summary>Writes whatever it is.</summary>
    [UnscopedRef]
    public ref RespCommand Write(scoped RespArgument argument)
    {
        _draft.Write(argument);
        return ref this;
    }

    /// <summary>Goes where that key's commands go; for commands that name no key.</summary>
    internal void RouteBy(scoped RespArgument key) => _draft.RouteBy(key);
}
