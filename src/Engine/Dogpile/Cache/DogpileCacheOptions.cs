using Microsoft.Extensions.Logging;

namespace Sluice;

/// <summary>How a <see cref="DogpileCache"/> works. Copied when the cache is made.</summary>
public sealed record DogpileCacheOptions
{
    /// <summary>
    /// What keeps the keys of this cache apart from others' in a shared store, 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'. Default: <c>dogpile</c>.
    /// </summary>
    public string Region { get; init; } = "dogpile";

    /// <summary>The most values in memory, 1 to 50,000,000. Beyond it one that was not asked for lately leaves. Default 100,000.</summary>
    public int Capacity { get; init; } = 100_000;

    /// <summary>How values are treated of which a call does not say it.</summary>
    public DogpileEntryOptions Defaults { get; init; } = new();

    /// <summary>Where values are kept beside this process's memory, or null (the default) = nowhere.</summary>
    public IDogpileStore? Store { get; init; }

    /// <summary>
    /// For how long a value from the store is taken from memory without asking the store again, 0 and more. Null (the default) = until it expires. Short where
    /// other processes invalidate.
    /// </summary>
    public TimeSpan? NearExpiry { get; init; }

    /// <summary>What keeps creators of several processes (or caches) apart, or null (the default) = nothing: one creator a key in this cache.</summary>
    public ICreationMutex? Mutex { get; init; }

    /// <summary>How values become bytes for the store. Strings, byte arrays and numbers are known from the start.</summary>
    public DogpileSerializers Serializers { get; init; } = new();

    /// <summary>Turns a key into one that the store takes. Default: keys of more than 200 characters keep their start and get a hash.</summary>
    public Func<string, string> KeyMangler { get; init; } = DogpileKeys.Mangle;

    /// <summary>The clock. Default: the system's, whose ages are exact to 10 ms.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Seeds jitter and early refreshes for reproducible tests. Null (the default) = at random.</summary>
    public int? Seed { get; init; }

    /// <summary>Where failures are logged that no caller gets: of background creations and of the store. Null = nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    internal void Validate()
    {
        OptionsCheck check = new(nameof(DogpileCacheOptions));
        check.Name(nameof(Region), Region);
        check.Range(nameof(Capacity), Capacity, 1, 50_000_000);
        if (NearExpiry is { } near)
            check.Range(nameof(NearExpiry), near, TimeSpan.Zero, TimeSpan.MaxValue);
        foreach ((string name, object? value) in new (string, object?)[] { (nameof(Defaults), Defaults), (nameof(Serializers), Serializers), (nameof(KeyMangler), KeyMangler), (nameof(TimeProvider), TimeProvider) })
        {
            if (value is null)
                check.Fail(name, "null", "must not be null");
        }

        check.ThrowIfFailed();
        Defaults.Validate();
    }
}
