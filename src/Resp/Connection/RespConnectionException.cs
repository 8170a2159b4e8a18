namespace Sluice.Resp;

/// <summary>The connection was lost, or there was none, before the reply came. <see cref="Outcome"/> says whether the command may have run.</summary>
public sealed class RespConnectionException : RespException
{
    /// <summary>Use the constructor with an outcome.</summary>
    public RespConnectionException()
        : this("The connection was lost.")
    {
    }

    /// <summary>A failure of which nothing is known.</summary>
    public RespConnectionException(string message)
        : this(message, CommandOutcome.Unknown)
    {
    }

    /// <summary>A failure of which nothing is known.</summary>
    public RespConnectionException(string message, Exception? innerException)
        : this(message, CommandOutcome.Unknown, innerException)
    {
    }

    /// <summary>A failure of which this is known.</summary>
    public RespConnectionException(string message, CommandOutcome outcome, Exception? innerException = null)
        : base(message, innerException) => Outcome = outcome;

    /// <summary>Whether the command may have run.</summary>
    public CommandOutcome Outcome { get; }
}
