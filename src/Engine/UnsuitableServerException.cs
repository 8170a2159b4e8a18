namespace Sluice;

/// <summary>A server can be reached, but can't be relied on as it is. The message says what it lacks and how to give it.</summary>
public sealed class UnsuitableServerException : Exception
{
    /// <summary>Use the constructor with a message.</summary>
    public UnsuitableServerException()
    {
    }

    /// <summary>Carries what is lacking.</summary>
    /// <param name="message">What, where, and what to do.</param>
    public UnsuitableServerException(string message)
        : base(message)
    {
    }

    /// <summary>Carries what is lacking, and how it was noticed.</summary>
    /// <param name="message">What, where, and what to do.</param>
    /// <param name="innerException">How it was noticed.</param>
    public UnsuitableServerException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
