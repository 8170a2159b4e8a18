using System.Globalization;

namespace Sluice.Resp;

/// <summary>
/// The reply did not come in time. The message says where the time may have gone: how much was in flight, when the last byte came, whether the thread pool
/// kept up.
/// </summary>
public sealed class RespTimeoutException : RespException
{
    /// <summary>Use the constructor with an outcome.</summary>
    public RespTimeoutException()
        : this("The reply did not come in time.")
    {
    }

    /// <summary>A time-out of which nothing is known.</summary>
    public RespTimeoutException(string message)
        : this(message, innerException: null)
    {
    }

    /// <summary>A time-out of which nothing is known.</summary>
    public RespTimeoutException(string message, Exception? innerException)
        : base(message, innerException) => Outcome = CommandOutcome.Unknown;

    /// <summary>A time-out, with the state of the connection when it was noticed.</summary>
    /// <param name="timeoutMilliseconds">How long the command was allowed to take.</param>
    /// <param name="outcome">Whether it may have run.</param>
    /// <param name="state">The connection at that moment; null when there was none.</param>
    /// <param name="lastFault">Why there was no connection; null when there was one, or none was tried.</param>
    public RespTimeoutException(int timeoutMilliseconds, CommandOutcome outcome, ConnectionSnapshot? state, Exception? lastFault = null)
        : base(string.Create(CultureInfo.InvariantCulture, $"No reply within {timeoutMilliseconds} ms ({(outcome == CommandOutcome.NotSent ? "not sent" : "it may have run")}). {state?.ToString() ?? "No connection."}{(lastFault is null ? "" : $" The last connection ended: {lastFault.Message}")}"), lastFault)
    {
        Outcome = outcome;
        State = state;
    }

    /// <summary>Whether the command may have run.</summary>
    public CommandOutcome Outcome { get; }

    /// <summary>The connection when the time was up; null when there was none.</summary>
    public ConnectionSnapshot? State { get; }
}
