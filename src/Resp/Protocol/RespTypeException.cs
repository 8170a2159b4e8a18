namespace Sluice.Resp;

/// <summary>The server sent a valid reply of another type than the caller asked for. The connection is sound.</summary>
public sealed class RespTypeException : RespException
{
    /// <summary>Use the constructor with a message.</summary>
    public RespTypeException()
    {
    }

    /// <summary>Says what was expected and what came.</summary>
    public RespTypeException(string message)
        : base(message)
    {
    }

    /// <summary>Says what was expected and what came.</summary>
    public RespTypeException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
