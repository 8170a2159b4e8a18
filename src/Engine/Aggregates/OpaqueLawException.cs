namespace Sluice;

/// <summary>A law of an <see cref="IOpaqueState{TSelf}"/> does not hold, see <see cref="OpaqueStateLaws"/>.</summary>
public sealed class OpaqueLawException : Exception
{
    /// <summary>Names the law.</summary>
    /// <param name="law">The law.</param>
    /// <param name="message">The law and the samples that break it.</param>
    public OpaqueLawException(string law, string message)
        : base(message) => Law = law;

    /// <summary>Use the constructor that names the law.</summary>
    public OpaqueLawException()
        : this("?", "A law of an opaque state does not hold.")
    {
    }

    /// <summary>Use the constructor that names the law.</summary>
    /// <param name="message">The text.</param>
    public OpaqueLawException(string message)
        : this("?", message)
    {
    }

    /// <summary>Use the constructor that names the law.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public OpaqueLawException(string message, Exception innerException)
        : base(message, innerException) => Law = "?";

    /// <summary>The law.</summary>
    public string Law { get; }
}
