namespace Sluice.Dogpiling;

/// <summary>What a caller that did not find its value asks for. Immutable.</summary>
internal abstract class CacheRequest<T>(string key, DogpileEntryOptions options)
{
    public string Key => key;

    public DogpileEntryOptions Options => options;

    /// <summary>Whether the value is created even if there is one that is young enough.</summary>
    public bool IsForced { get; init; }

    /// <summary>Whether it only looks: what is not there is not created.</summary>
    public virtual bool IsProbe => false;

    public abstract ValueTask<T> CreateAsync(DogpileCreation creation, CancellationToken token);
}

internal sealed class CacheRequest<TState, T>(
    string key, TState state, Func<TState, DogpileCreation, CancellationToken, ValueTask<T>> factory, DogpileEntryOptions options) : CacheRequest<T>(key, options)
{
    public override ValueTask<T> CreateAsync(DogpileCreation creation, CancellationToken token) => factory(state, creation, token);
}

/// <summary>What a caller that creates nothing asks for.</summary>
internal sealed class CacheProbe<T>(string key, DogpileEntryOptions options) : CacheRequest<T>(key, options)
{
    public override bool IsProbe => true;

    public override ValueTask<T> CreateAsync(DogpileCreation creation, CancellationToken token) => throw new InvalidOperationException("A probe creates nothing.");
}
