namespace Sluice;

/// <summary>
/// Thrown by a value getter: the value is not there and has to be created. Returning <see cref="ValueLookup{TValue}.NeedRegeneration"/> says the same
/// and costs nothing.
/// </summary>
public sealed class NeedRegenerationException : Exception
{
    /// <summary>Says that the value has to be created.</summary>
    public NeedRegenerationException()
        : base("The value is not there and has to be created.")
    {
    }

    /// <summary>Says that the value has to be created.</summary>
    /// <param name="message">The text.</param>
    public NeedRegenerationException(string message)
        : base(message)
    {
    }

    /// <summary>Says that the value has to be created.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public NeedRegenerationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>
/// The creator has just ended, and the value getter still says that the value has to be created: it does not read what the creator writes.
/// </summary>
public sealed class CreatedValueNotFoundException : InvalidOperationException
{
    /// <summary>Use the constructor with a message.</summary>
    public CreatedValueNotFoundException()
    {
    }

    /// <summary>Says what was not found.</summary>
    /// <param name="message">The text.</param>
    public CreatedValueNotFoundException(string message)
        : base(message)
    {
    }

    /// <summary>Says what was not found.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public CreatedValueNotFoundException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal static CreatedValueNotFoundException For(string name) => new(
        $"Another caller has just created '{name}', and the value getter says that it still has to be created. The creator must store the value where the getter reads it, before it returns.");
}

/// <summary>A creator asked for the value that it is creating, itself or through other creations: it would have waited for itself for ever.</summary>
public sealed class ReentrantCreationException : InvalidOperationException
{
    /// <summary>Use the constructor with the way.</summary>
    public ReentrantCreationException()
    {
    }

    /// <summary>Names the creations that would wait for each other.</summary>
    /// <param name="way">Them, from the one that asks back to itself, e.g. <c>'a' -> 'b' -> 'a'</c>.</param>
    public ReentrantCreationException(string way)
        : base($"A creator would wait for itself: {way}. Create what it needs first and pass it in, or use another key for it.")
    {
    }

    /// <summary>Says which creations would wait for each other.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public ReentrantCreationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
