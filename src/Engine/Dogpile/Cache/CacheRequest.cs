namespace Sluice.Dogpiling;

/// <summary>What a caller that did not find its value asks for. Immutable.</summary>
internal abstract class CacheRequest<T>(string key, DogpileEntryOptions options)
{
    public string Key => key;

    public DogpileEntryOptions Options => options;

    /// <summary>Whether the value is created even if there is one that is young enough.</summary>
    public bool IsForced { get; init; }

    public abstract ValueTask<T> CreateAsync(DogpileCreation creation, CancellationToken token);
}

internal sealed class CacheRequest<TState, T>(
    string key, TState state, Func<TState, DogpileCreation, CancellationToken, ValueTask<T>> factory, DogpileEntryOptions options) : CacheRequest<T>(key, options)
{
    public override ValueTask<T> CreateAsync(DogpileCreation creation, CancellationToken token) => factory(state, creation, token);
}
