namespace Sluice;

/// <summary>
/// An event was refused because a field of its resource cannot hold the result (a 64-bit sum would wrap). Nothing of the event was merged; what was
/// merged before is unchanged.
/// </summary>
public sealed class FieldOverflowException : OverflowException
{
    /// <summary>Names the aggregate and the field.</summary>
    /// <param name="aggregate">The aggregate's stored name.</param>
    /// <param name="field">The field's name.</param>
    public FieldOverflowException(string aggregate, string field)
        : base($"The field '{field}' of aggregate '{aggregate}' would overflow; the event was not merged.")
    {
        Aggregate = aggregate;
        Field = field;
    }

    /// <summary>Use the constructor that names aggregate and field.</summary>
    public FieldOverflowException()
        : this("?", "?")
    {
    }

    /// <summary>Use the constructor that names aggregate and field.</summary>
    /// <param name="message">The text.</param>
    public FieldOverflowException(string message)
        : base(message)
    {
        Aggregate = Field = "?";
    }

    /// <summary>Use the constructor that names aggregate and field.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public FieldOverflowException(string message, Exception innerException)
        : base(message, innerException)
    {
        Aggregate = Field = "?";
    }

    /// <summary>The aggregate's stored name.</summary>
    public string Aggregate { get; }

    /// <summary>The field's name.</summary>
    public string Field { get; }
}
