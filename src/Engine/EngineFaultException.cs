namespace Sluice;

/// <summary>
/// A lane of the engine has ended because of a fault: of the engine, or of a coordinator that failed in a way that it must not. What the lane had taken is
/// not flushed, and nothing else of its partition will be; other partitions go on.
/// </summary>
public sealed class EngineFaultException : InvalidOperationException
{
    /// <summary>Names the lane.</summary>
    /// <param name="aggregate">The aggregate's stored name.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="cause">What ended the lane.</param>
    public EngineFaultException(string aggregate, int partition, Exception cause)
        : this(
            $"The lane of aggregate '{aggregate}' to partition {partition} ended because of a fault ({cause?.GetType().Name}), and what it had taken is not flushed. Stop this engine and start another one; the inner exception says what to report.",
            cause!)
    {
    }

    /// <summary>Use the constructor that names the lane.</summary>
    public EngineFaultException()
        : this("A lane of the engine ended because of a fault.")
    {
    }

    /// <summary>Use the constructor that names the lane.</summary>
    /// <param name="message">The text.</param>
    public EngineFaultException(string message)
        : base(message)
    {
    }

    /// <summary>Use the constructor that names the lane.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public EngineFaultException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The same for another caller: one object that is thrown on many threads would mix their stacks up.</summary>
    internal EngineFaultException Again() => new(Message, InnerException!);
}
