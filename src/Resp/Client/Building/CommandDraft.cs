namespace Sluice.Resp.Client;

/// <summary>A command that is being written in the thread's memory, and where it will go.</summary>
internal ref struct CommandDraft
{
    private readonly byte[] _scratch;
    private RespCommandWriter _writer;

    public CommandDraft(RespCommandPrefix prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        Name = prefix.Name;
        _scratch = ScratchMemory.Take();
        _writer = new RespCommandWriter(_scratch, prefix);
    }

    public CommandDraft(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Name = name;
        _scratch = ScratchMemory.Take();
        _writer = new RespCommandWriter(_scratch);
        foreach (Range word in name.AsSpan().Split(' '))
            _writer.Write(name.AsSpan()[word]);
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

    public ReadOnlySpan<byte> Complete() => _writer.Complete();

    public void Dispose()
    {
        _writer.Dispose();
        ScratchMemory.GiveBack(_scratch);
    }

    private void Route(scoped ReadOnlySpan<byte> key)
    {
        if (HasKey)
            return;
        HasKey = true;
        Hash = KeyHash.Of(key);
    }
}
