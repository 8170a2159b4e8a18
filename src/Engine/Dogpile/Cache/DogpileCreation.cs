namespace Sluice;

/// <summary>What a factory of a <see cref="DogpileCache"/> knows of its creation, and may say of its value.</summary>
/// <remarks>Belongs to one creation, until the factory has returned.</remarks>
public sealed class DogpileCreation
{
    internal DogpileCreation(string key, long fencingToken, DogpileEntryOptions options)
    {
        Key = key;
        FencingToken = fencingToken;
        Options = options;
    }

    /// <summary>The key.</summary>
    public string Key { get; }

    /// <summary>Of the creator's lease, to fence writes of the factory's own; 0 without a mutex.</summary>
    public long FencingToken { get; }

    /// <summary>How the value will be treated. Set it when the value itself says how long it lives or what it belongs to.</summary>
    public DogpileEntryOptions Options { get; set; }

    /// <summary>Whether the value is kept; callers that wait get it all the same. Default true.</summary>
    public bool IsKept { get; set; } = true;

    /// <summary>False when the factory of several keys had no value for this one.</summary>
    internal bool IsThere { get; set; } = true;
}
