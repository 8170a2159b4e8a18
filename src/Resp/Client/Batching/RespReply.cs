namespace Sluice.Resp;

/// <summary>What became of one command of a batch or transaction: its reply, or why there is none.</summary>
/// <remarks>Refers to the memory of what it comes from: valid until that is cleared, executed again or disposed.</remarks>
public readonly ref struct RespReply
{
    private readonly ReadOnlySpan<byte> _frame;
    private readonly Exception? _failure;

    internal RespReply(ReadOnlySpan<byte> frame, Exception? failure)
    {
        _frame = frame;
        _failure = failure;
    }

    /// <summary>True when there is a reply and it is no error.</summary>
    public bool IsSuccess => _failure is null && !Reader.IsError;

    /// <summary>The server's error, or why no reply came; null when there is a reply that is none.</summary>
    public Exception? Error => _failure ?? Reader.ToException();

    /// <summary>True when the reply is null.</summary>
    public bool IsNull => Read().IsNull;

    /// <summary>The reply, to be read where it lies.</summary>
    /// <exception cref="RespException">No reply came.</exception>
    public RespReader Reader => _failure is null ? new RespReader(_frame) : throw Thrown(_failure);

    /// <summary>The reply, or what it stands for: an error is thrown.</summary>
    private RespReader Read()
    {
        RespReader reader = Reader;
        reader.ThrowIfError();
        return reader;
    }

    /// <summary>Throws when the command failed.</summary>
    /// <exception cref="RespServerException">The server answered with an error.</exception>
    /// <exception cref="RespException">No reply came.</exception>
    public void ThrowIfFailed() => Read();

    /// <summary>An integer, or a string that is one.</summary>
    /// <inheritdoc cref="ThrowIfFailed"/>
    /// <exception cref="RespTypeException">It is something else.</exception>
    public long ToInt64() => Read().ReadInt64();

    /// <summary>A double, or text that is one.</summary>
    /// <inheritdoc cref="ToInt64"/>
    public double ToDouble() => Read().ReadDouble();

    /// <summary>A boolean, <c>OK</c> or a number other than 0 (true), 0 or null (false).</summary>
    /// <inheritdoc cref="ToInt64"/>
    public bool ToBoolean()
    {
        RespReader reader = Read();
        return !reader.IsNull && (reader.Prefix == RespPrefix.SimpleString || (reader.Prefix == RespPrefix.Integer ? reader.ReadInt64() != 0 : reader.ReadBoolean()));
    }

    /// <summary>Text, or null. Allocates the string.</summary>
    /// <inheritdoc cref="ToInt64"/>
    public string? ToText() => Read().ReadString();

    /// <summary>A copy of the bytes, or null.</summary>
    /// <inheritdoc cref="ToInt64"/>
    public byte[]? ToArray() => Read().ToArray();

    /// <summary>Copies the bytes.</summary>
    /// <returns>How many there were; -1 for null.</returns>
    /// <exception cref="RespBufferException">There are more.</exception>
    /// <inheritdoc cref="ToInt64"/>
    public long CopyTo(Span<byte> destination)
    {
        RespReader reader = Read();
        if (reader.IsNull)
            return -1;
        return reader.ByteLength <= destination.Length ? reader.CopyTo(destination) : throw new RespBufferException(reader.ByteLength, destination.Length);
    }

    /// <summary>Any reply, as a tree; an error is a value too. Allocates the tree.</summary>
    /// <exception cref="RespException">No reply came.</exception>
    public RespValue ToValue()
    {
        RespReader reader = Reader;
        return RespValue.Read(ref reader);
    }

    // The same failure may be asked for by several commands, on several threads: its stack trace is that of where it happened.
    private static Exception Thrown(Exception failure)
    {
        System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        return failure;
    }
}
