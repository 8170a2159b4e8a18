namespace Sluice;

/// <summary>What a store is besides that tells when somebody changes a value: a <see cref="DogpileCache"/> that keeps values in memory then asks the store again at once, and not after <see cref="DogpileCacheOptions.NearExpiry"/>.</summary>
/// <remarks>Called by several threads at once.</remarks>
public interface IDogpileChangeFeed
{
    /// <summary>Tells of every change of keys that begin with a prefix, soon after it, until disposed.</summary>
    /// <param name="keyPrefix">What the keys begin with.</param>
    /// <param name="changed">
    /// Gets the key, or null when any of them may have changed (the connection was away). Changes that the caller makes itself may be told too. Called on any thread, one call at a time;
    /// it does not block and does not throw.
    /// </param>
    IDisposable Watch(string keyPrefix, Action<string?> changed);

    /// <summary>
    /// How long a value may be taken from memory without asking again, where neither the cache nor the value says how long, because some changes are not told: null when all are. Read for every value that is
    /// put into memory; may change when "any of them" was told.
    /// </summary>
    TimeSpan? Backstop => null;
}
