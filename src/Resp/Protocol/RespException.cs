namespace Sluice.Resp;

/// <summary>What all failures of the client have in common.</summary>
public class RespException : IOException
{
    /// <summary>Use the constructor with a message.</summary>
    public RespException()
    {
    }

    /// <summary>Says what happened.</summary>
    public RespException(string message)
        : base(message)
    {
    }

    /// <summary>Says what happened, and why.</summary>
    public RespException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
