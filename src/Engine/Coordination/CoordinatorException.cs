namespace Sluice;

/// <summary>What is known about a request that got no answer.</summary>
public enum RequestOutcome
{
    /// <summary>It was not carried out and never will be.</summary>
    NotApplied,

    /// <summary>It may have been carried out, or may still be: only asking again with the same number tells.</summary>
    Unknown,
}

/// <summary>A coordinator could not answer a request.</summary>
public sealed class CoordinatorException : Exception
{
    /// <summary>Says what is known.</summary>
    /// <param name="outcome">Whether the request can have been carried out.</param>
    /// <param name="message">What happened, and where.</param>
    /// <param name="innerException">The cause.</param>
    public CoordinatorException(RequestOutcome outcome, string message, Exception? innerException = null)
        : base(message, innerException) => Outcome = outcome;

    /// <summary>Use the constructor that says what is known.</summary>
    public CoordinatorException()
        : this(RequestOutcome.Unknown, "The coordinator could not answer.")
    {
    }

    /// <summary>Use the constructor that says what is known.</summary>
    /// <param name="message">What happened.</param>
    public CoordinatorException(string message)
        : this(RequestOutcome.Unknown, message)
    {
    }

    /// <summary>Use the constructor that says what is known.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">The cause.</param>
    public CoordinatorException(string message, Exception innerException)
        : this(RequestOutcome.Unknown, message, innerException)
    {
    }

    /// <summary>Whether the request can have been carried out.</summary>
    public RequestOutcome Outcome { get; }

    /// <summary>Asking again is answered the same until somebody changes a configuration.</summary>
    internal bool IsPermanent { get; init; }
}
