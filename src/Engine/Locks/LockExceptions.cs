namespace Sluice;

/// <summary>A lock was not acquired in time: somebody else has it.</summary>
public sealed class LockTimeoutException : TimeoutException
{
    /// <summary>Names the lock.</summary>
    /// <param name="name">The lock.</param>
    /// <param name="timeout">How long it was waited for.</param>
    public LockTimeoutException(string name, TimeSpan timeout)
        : this($"The lock '{name}' was not acquired within {OptionsCheck.Text(timeout)}. GetParticipantsAsync tells who has it.")
    {
    }

    /// <summary>Use the constructor that names the lock.</summary>
    public LockTimeoutException()
        : this("A lock was not acquired in time.")
    {
    }

    /// <summary>Use the constructor that names the lock.</summary>
    /// <param name="message">The text.</param>
    public LockTimeoutException(string message)
        : base(message)
    {
    }

    /// <summary>Use the constructor that names the lock.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public LockTimeoutException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>A lock was lost, and something was asked of its handle that only a holder can do.</summary>
public sealed class LockLostException : InvalidOperationException
{
    /// <summary>Says that the lock was lost.</summary>
    public LockLostException()
        : base("The lock was lost or released: others may hold it meanwhile.")
    {
    }

    /// <summary>Use the constructor without arguments.</summary>
    /// <param name="message">The text.</param>
    public LockLostException(string message)
        : base(message)
    {
    }

    /// <summary>Use the constructor without arguments.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public LockLostException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
