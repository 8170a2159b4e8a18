namespace Sluice.Resp.Client;

/// <summary>A command that is being written in the thread's memory, and where it will go.</summary>
internal ref struct CommandDraft
{
    private readonly ScratchMemory _scratch;
    private readonly long _use;
    // What arguments decide, and what the connection serves; no need in nearly every command.
    private readonly ConnectionNeed _decidesLater;
    private readonly ConnectionNeed _served;
    private RespCommandWriter _writer;

    /// <exception cref="NotSupportedException">The command needs more of its connection than that.</exception>
    public CommandDraft(RespCommandPrefix prefix, ConnectionNeed served)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        if (prefix.Need != ConnectionNeed.None)
        {
            ConnectionCommands.Check(prefix.Name, prefix.Need, served);
            _decidesLater = prefix.Need & (ConnectionNeed.Subcommand | ConnectionNeed.Option);
            _served = served;
        }

        Name = prefix.Name;
        _scratch = ScratchMemory.Take();
        _use = _scratch.Use;
        _writer = new RespCommandWriter(_scratch.Bytes, prefix);
    }

    /// <exception cref="NotSupportedException">The command needs more of its connection than that.</exception>
    public CommandDraft(string name, ConnectionNeed served)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ConnectionNeed need = ConnectionCommands.NeedOf(name);
        if (need != ConnectionNeed.None)
        {
            ConnectionCommands.Check(name, need, served);
            _decidesLater = need & (ConnectionNeed.Subcommand | ConnectionNeed.Option);
            _served = served;
        }

        Name = name;
        _scratch = ScratchMemory.Take();
        _use = _scratch.Use;
        _writer = new RespCommandWriter(_scratch.Bytes);
        foreach (Range word in name.AsSpan().Split(' '))
            _writer.Write(name.AsSpan()[word]);
    }

    /// <param name="name">For those who measure.</param>
    /// <param name="begin">The name and more, as it is sent.</param>
    /// <param name="arguments">How many arguments those are.</param>
    public CommandDraft(string name, scoped ReadOnlySpan<byte> begin, int arguments)
    {
        Name = name;
        _scratch = ScratchMemory.Take();
        _use = _scratch.Use;
        _writer = new RespCommandWriter(_scratch.Bytes);
        _writer.WriteFormatted(begin, arguments);
    }

    /// <summary>The command's name, for those who measure.</summary>
    public string Name { get; }

    /// <summary>What decides about the connection: the hash of the first key.</summary>
    public uint Hash { get; private set; }

    /// <summary>A key was written.</summary>
    public bool HasKey { get; private set; }

    public void Key(scoped ReadOnlySpan<byte> key)
    {
        RequireUnsent();
        _writer.Write(key);
        Route(key);
    }

    public void Key(scoped ReadOnlySpan<char> key)
    {
        RequireUnsent();
        _writer.Write(key);
        Route(_writer.LastArgument);
    }

    public void Key(scoped RespArgument key)
    {
        Write(key);
        Route(_writer.LastArgument);
    }

    public void Write(scoped ReadOnlySpan<byte> argument)
    {
        RequireUnsent();
        _writer.Write(argument);
    }

    public void Write(scoped ReadOnlySpan<char> argument)
    {
        RequireUnsent();
        _writer.Write(argument);
    }

    public void Write(long argument)
    {
        RequireUnsent();
        _writer.Write(argument);
    }

    public void Write(double argument)
    {
        RequireUnsent();
        _writer.Write(argument);
    }

    public void Write(scoped RespArgument argument)
    {
        RequireUnsent();
        switch (argument.Form)
        {
            case RespArgument.Shape.Bytes:
                _writer.Write(argument.Bytes);
                break;
            case RespArgument.Shape.Text:
                _writer.Write(argument.Text);
                break;
            case RespArgument.Shape.Int64:
                _writer.Write(argument.Int64);
                break;
            default:
                _writer.Write(argument.Double);
                break;
        }
    }

    /// <summary>Goes where that key's commands go; the key itself is not sent.</summary>
    public void RouteBy(scoped RespArgument key)
    {
        CommandDraft apart = new("-", ConnectionNeed.None);
        apart.Key(key);
        Hash = apart.Hash;
        HasKey = true;
        apart.Dispose();
    }

    /// <exception cref="InvalidOperationException">It was sent; or it lacks arguments, or has too many.</exception>
    /// <exception cref="NotSupportedException">An argument makes it a command that its connection does not serve.</exception>
    public ReadOnlySpan<byte> Complete()
    {
        RequireUnsent();
        ReadOnlySpan<byte> frame = _writer.Complete();
        if (_decidesLater != ConnectionNeed.None)
            ConnectionCommands.CheckArguments(Name, frame, _decidesLater, _served);
        return frame;
    }

    public void Dispose()
    {
        _writer.Dispose();
        _scratch.GiveBack();
    }

    /// <summary>A copy of a command that was sent would write into the memory of another one.</summary>
    private readonly void RequireUnsent()
    {
        if (_scratch.Use != _use)
            throw new InvalidOperationException("The command was sent: begin another one.");
    }

    private void Route(scoped ReadOnlySpan<byte> key)
    {
        if (HasKey)
            return;
        HasKey = true;
        Hash = KeyHash.Of(key);
    }
}
