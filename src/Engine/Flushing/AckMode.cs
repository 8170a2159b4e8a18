namespace Sluice;

/// <summary>When a source may tell its broker that an event is done.</summary>
public enum AckMode
{
    /// <summary>As soon as it is merged in memory: fastest; a crash loses at most the flush interval.</summary>
    AfterMerge,

    /// <summary>When the coordinator has it (the default): a crash loses nothing, and may count again what was in flight.</summary>
    AfterFlush,
}

/// <summary>What happens to events that are merged but not flushed when this engine finds that it was away and has been replaced.</summary>
public enum OnFenced
{
    /// <summary>They are sent again. Right when nobody delivers them to another engine meanwhile.</summary>
    Resend,

    /// <summary>They are dropped, because the broker has delivered them to somebody else. The source is faulted: open a new one.</summary>
    Discard,
}

/// <summary>The source was cut off together with its engine's lease: its unacknowledged events are somebody else's now.</summary>
public sealed class SourceFencedException : Exception
{
    /// <summary>Names the source.</summary>
    /// <param name="source">The source's name.</param>
    public SourceFencedException(string source)
        : base($"The source '{source}' was fenced: the broker has redelivered what it had not acknowledged. Open a new source.")
    {
    }

    /// <summary>Use the constructor that names the source.</summary>
    public SourceFencedException()
        : this("?")
    {
    }

    /// <summary>Use the constructor that names the source.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public SourceFencedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
