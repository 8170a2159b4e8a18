namespace Sluice.Resp;

/// <summary>
/// More commands wait than may wait (or none may, as an option says): the command was not sent and may be sent again, later. Slow down, raise the limit, or use more connections.
/// </summary>
public sealed class RespOverloadException : RespException
{
    /// <summary>Too much waits.</summary>
    public RespOverloadException()
        : this("More commands wait than may wait.")
    {
    }

    /// <summary>Too much waits.</summary>
    public RespOverloadException(string message)
        : this(message, null)
    {
    }

    /// <summary>Too much waits.</summary>
    public RespOverloadException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
