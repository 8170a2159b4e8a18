namespace Sluice;

/// <summary>There is no room for another session and <see cref="EngineOptions.FullMode"/> says not to wait. The event was not merged.</summary>
public sealed class CacheFullException : Exception
{
    /// <summary>Names the aggregate.</summary>
    /// <param name="aggregate">The aggregate's stored name.</param>
    public CacheFullException(string aggregate)
        : base($"The cache of aggregate '{aggregate}' is full because the coordinator does not keep up; the event was not merged. Try again, wait with FullMode.Wait, or raise the capacity.")
    {
    }

    /// <summary>Use the constructor that names the aggregate.</summary>
    public CacheFullException()
        : this("?")
    {
    }

    /// <summary>Use the constructor that names the aggregate.</summary>
    /// <param name="message">The text.</param>
    /// <param name="innerException">The cause.</param>
    public CacheFullException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
