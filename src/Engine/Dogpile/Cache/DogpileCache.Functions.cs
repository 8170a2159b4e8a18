namespace Sluice;

/// <summary>The decorator.</summary>
public sealed partial class DogpileCache
{
    /// <summary>Wraps a function so that its results are cached by its argument.</summary>
    /// <typeparam name="TArgument">The argument; several in a tuple.</typeparam>
    /// <typeparam name="T">The result.</typeparam>
    /// <param name="name">What keys start with; different for every function of a region.</param>
    /// <param name="function">The function.</param>
    /// <param name="options">How its results are treated; null = as <see cref="DogpileCacheOptions.Defaults"/> say.</param>
    /// <param name="keyOf">Makes the rest of the key; null = the argument as text. Different arguments must have different texts.</param>
    public CachedFunction<TArgument, T> Cached<TArgument, T>(
        string name, Func<TArgument, CancellationToken, ValueTask<T>> function, DogpileEntryOptions? options = null, Func<TArgument, string>? keyOf = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(function);
        options?.Validate();
        return new CachedFunction<TArgument, T>(this, name, function, options, keyOf);
    }
}
