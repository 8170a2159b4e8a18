namespace Sluice;

/// <summary>
/// The code of an <see cref="IOpaqueState{TSelf}"/> threw, or made a state of more than <see cref="OpaqueAttribute.MaxBytes"/> bytes. Nothing that had
/// been merged before is lost: an event is refused whole; stored deltas stay as they are, and their session is tried again and becomes a dead letter
/// after the configured attempts, from where it can be replayed with better code.
/// </summary>
public sealed class OpaqueStateException : Exception
{
    /// <summary>Names the state and what it was doing.</summary>
    /// <param name="state">The state's type.</param>
    /// <param name="operation"><c>Read</c>, <c>Write</c> or <c>Merge</c>.</param>
    /// <param name="reason">What went wrong.</param>
    /// <param name="innerException">What the state's code threw.</param>
    public OpaqueStateException(Type state, string operation, string reason, Exception? innerException = null)
        : base($"{state?.Name}.{operation}: {reason}", innerException)
    {
        ArgumentNullException.ThrowIfNull(state);
        State = state;
        Operation = operation;
    }

    /// <summary>Use the constructor that names the state.</summary>
    public OpaqueStateException()
        : this("An opaque state failed.")
    {
    }

    /// <summary>Use the constructor that names the state.</summary>
    /// <param name="message">The text.</param>
    public OpaqueStateException(string message)
        : base(message) => Operation = "?";

    /// <summary>Use the constructor that names the state.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public OpaqueStateException(string message, Exception innerException)
        : base(message, innerException) => Operation = "?";

    /// <summary>The state's type.</summary>
    public Type? State { get; }

    /// <summary>What it was doing: <c>Read</c>, <c>Write</c> or <c>Merge</c>.</summary>
    public string Operation { get; }
}
