using Microsoft.Extensions.Logging;

namespace Sluice;

/// <summary>How a <see cref="RedisDogpileStore"/> works. Copied when the store is made.</summary>
public sealed record RedisDogpileStoreOptions
{
    /// <summary>What all its keys begin with, 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'. Default: <c>sluice</c>.</summary>
    public string Prefix { get; init; } = "sluice";

    /// <summary>
    /// Whether changes are told by the server itself (<c>CLIENT TRACKING</c>) where it can. False: by messages on a channel, which tell only of changes that stores like this one make, and not of
    /// expiry, eviction or other programs. A server that can't track gets the messages in any case. Default: true.
    /// </summary>
    public bool Tracking { get; init; } = true;

    /// <summary>
    /// How long caches take a value from memory without asking again while changes are told by messages only, 0 and more; a cache's or a value's own <c>NearExpiry</c> beats it. Null = without end: then what
    /// expires on the server, is evicted there or is written by another program is not noticed. Default: 10 s.
    /// </summary>
    public TimeSpan? UntrackedNearExpiry { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the server keeps anything at most, 1 s to 10 years: values that have no end of their own (see <see cref="DogpileEntryOptions.StaleFor"/>), and the marks of invalidations, which therefore
    /// outlive every value that they are about. Default: 7 days.
    /// </summary>
    public TimeSpan LongestLife { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Where it is logged that changes can't be heard. Null = nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    internal void Validate()
    {
        OptionsCheck check = new(nameof(RedisDogpileStoreOptions));
        check.Name(nameof(Prefix), Prefix);
        if (UntrackedNearExpiry is { } near)
            check.Range(nameof(UntrackedNearExpiry), near, TimeSpan.Zero, TimeSpan.MaxValue);
        check.Range(nameof(LongestLife), LongestLife, TimeSpan.FromSeconds(1), TimeSpan.FromDays(3_650));
        check.ThrowIfFailed();
    }
}
