namespace Sluice.Resp.Client;

/// <summary>A command that is being written in the thread's memory, and where it will go.</summary>
internal ref struct CommandDraft
{
    private readonly ScratchMemory _scratch;
    private readonly long _use;
    private RespCommandWriter _writer;

    public CommandDraft(RespCommandPrefix prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        Name = prefix.Name;
        _scratch = ScratchMemory.Take();
        _use = _scratch.Use;
        _writer = new RespCommandWriter(_scratch.Bytes, prefix);
    }

    public CommandDraft(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
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
        _writer.Write(key);
        Route(key);
    }

    public void Key(scoped ReadOnlySpan<char> key)
    {
        _writer.Write(key);
        Route(_writer.LastArgument);
    }

    public void Key(scoped RespArgument key)
    {
        Write(key);
        Route(_writer.LastArgument);
    }

    public void Write(scoped ReadOnlySpan<byte> argument) => _writer.Write(argument);

    public void Write(scoped ReadOnlySpan<char> argument) => _writer.Write(argument);

    public void Write(long argument) => _writer.Write(argument);

    public void Write(double argument) => _writer.Write(argument);

    public void Write(scoped RespArgument argument)
    {
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
        CommandDraft apart = new("-");
        apart.Key(key);
        Hash = apart.Hash;
        HasKey = true;
        apart.Dispose();
    }

    /// <exception cref="InvalidOperationException">It was sent; or it lacks arguments, or has too many.</exception>
    public ReadOnlySpan<byte> Complete() => _scratch.Use == _use ? _writer.Complete() : throw new InvalidOperationException("The command was sent: begin another one.");

    public void Dispose()
    {
        _writer.Dispose();
        _scratch.GiveBack();
    }

    private void Route(scoped ReadOnlySpan<byte> key)
    {
        if (HasKey)
            return;
        HasKey = true;
        Hash = KeyHash.Of(key);
    }
}
