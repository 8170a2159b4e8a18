using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Sluice;

/// <summary>A function whose results are cached by its argument, with a handle on what is cached.</summary>
/// <typeparam name="TArgument">The argument.</typeparam>
/// <typeparam name="T">The result.</typeparam>
/// <remarks>Thread-safe. Made by <see cref="DogpileCache.Cached{TArgument, T}"/>.</remarks>
public sealed class CachedFunction<TArgument, T>
{
    private readonly DogpileCache _cache;
    private readonly string _name;
    private readonly Func<TArgument, CancellationToken, ValueTask<T>> _function;
    private readonly Func<TArgument, string> _keyOf;
    private readonly DogpileEntryOptions? _options;

    internal CachedFunction(
        DogpileCache cache, string name, Func<TArgument, CancellationToken, ValueTask<T>> function, DogpileEntryOptions? options, Func<TArgument, string>? keyOf)
    {
        _cache = cache;
        _name = name;
        _function = function;
        _options = options;
        _keyOf = keyOf ?? (static argument => Convert.ToString(argument, CultureInfo.InvariantCulture) ?? "");
    }

    /// <summary>The function's result, from the cache if it is there.</summary>
    /// <param name="argument">The argument.</param>
    /// <param name="cancellation">Stops waiting.</param>
    public ValueTask<T> InvokeAsync(TArgument argument, CancellationToken cancellation = default) => _cache.GetOrCreateAsync(
        KeyOf(argument), (_function, argument), static (call, _, token) => call._function(call.argument, token), _options, cancellation);

    /// <summary>Calls the function and caches its new result.</summary>
    /// <param name="argument">The argument.</param>
    /// <param name="cancellation">Stops waiting.</param>
    public ValueTask<T> RefreshAsync(TArgument argument, CancellationToken cancellation = default) =>
        _cache.RefreshAsync(KeyOf(argument), token => _function(argument, token), _options, cancellation);

    /// <summary>Caches a result without calling the function.</summary>
    /// <param name="argument">The argument.</param>
    /// <param name="result">The result.</param>
    /// <param name="cancellation">Gives up on the store.</param>
    public ValueTask SetAsync(TArgument argument, T result, CancellationToken cancellation = default) => _cache.SetAsync(KeyOf(argument), result, _options, cancellation);

    /// <summary>The cached result, if it is in memory and young enough.</summary>
    /// <param name="argument">The argument.</param>
    /// <param name="result">The result.</param>
    public bool TryGet(TArgument argument, [MaybeNullWhen(false)] out T result) => _cache.TryGet(KeyOf(argument), out result);

    /// <summary>Invalidates the cached result.</summary>
    /// <param name="argument">The argument.</param>
    /// <param name="kind">How.</param>
    /// <param name="cancellation">Gives up on the store.</param>
    public ValueTask InvalidateAsync(TArgument argument, Invalidation kind = Invalidation.Hard, CancellationToken cancellation = default) =>
        kind == Invalidation.Hard ? _cache.RemoveAsync(KeyOf(argument), cancellation) : _cache.ExpireAsync(KeyOf(argument), cancellation);

    /// <summary>The key under which an argument's result is cached.</summary>
    /// <param name="argument">The argument.</param>
    public string KeyOf(TArgument argument) => string.Concat(_name, ":", _keyOf(argument));
}
