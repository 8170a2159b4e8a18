using System.Buffers;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Sluice.Diagnostics;

namespace Sluice.Dogpiling;

/// <summary>The way to the store: keys, bytes, marks of invalidations. What fails on it is logged, and is as if it were not there.</summary>
/// <remarks>
/// Invalidations of tags and of the region are values in the store too, so that other processes find them when they read: a read of a value reads the marks
/// of its region and tags.
/// </remarks>
internal sealed class StoreGate(IDogpileStore store, DogpileCacheOptions options, ILogger logger, DogpileMetrics metrics)
{
    public string KeyOf(string key) => $"{options.Region}:v:{options.KeyMangler(key)}";

    /// <summary>What keys of this cache begin with in the store.</summary>
    public string Prefix => $"{options.Region}:";

    /// <summary>The keys that say whether a value is valid: its own, and the marks of its region and tags.</summary>
    public string[] NamesOf(string key, IEnumerable<string> tags) => [KeyOf(key), .. MarkKeys(null), .. tags.SelectMany(MarkKeys)];

    /// <summary>What a changed key of the store is about.</summary>
    /// <param name="name">The key.</param>
    /// <param name="key">The value's key, if it is one's; else null.</param>
    /// <param name="tag">The tag, if it is a tag's; else null.</param>
    /// <returns>False: it may be about anything, as the name of a key that was mangled may.</returns>
    public bool TryParse(string name, out string? key, out string? tag)
    {
        (key, tag) = (null, null);
        if (name.StartsWith($"{options.Region}:v:", StringComparison.Ordinal))
            key = name[(options.Region.Length + 3)..];
        else if (name.StartsWith($"{options.Region}:t:", StringComparison.Ordinal) && name.LastIndexOf(':') is int end && end > options.Region.Length + 3)
            tag = name[(options.Region.Length + 3)..end];

        // Only of the mangler that ships it is known what its names look like; another one may make a key of any name.
        return (key ?? tag) is { } found && options.KeyMangler == DogpileKeys.Mangle && !DogpileKeys.MayBeMangled(found);
    }

    /// <summary>A value with what has become of it since; none when there is none, or none that can be read or may be used.</summary>
    public async ValueTask<StoreAnswer<T>> ReadAsync<T>(string key, CancellationToken cancellation)
    {
        IDogpileSerializer<T> serializer = options.Serializers.Of<T>();
        try
        {
            IReadOnlyList<StoredValue?> found = await store.GetManyAsync([KeyOf(key), .. MarkKeys(null)], cancellation).ConfigureAwait(false);
            if (found[0] is not { } stored)
                return new StoreAnswer<T>(null, IsKnown: true);
            Invalidation? worst = Worst(stored, [.. found.Skip(1)]);
            if (!stored.Tags.IsEmpty && worst != Invalidation.Hard)
                worst = Worst(stored, await store.GetManyAsync([.. stored.Tags.SelectMany(MarkKeys)], cancellation).ConfigureAwait(false)) ?? worst;
            return new StoreAnswer<T>(worst == Invalidation.Hard ? null : (serializer.Deserialize(stored.Payload.Span), stored, worst), IsKnown: true);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            // A store that is away, or bytes of another version: the value is created.
            Failed(e, "read", key);
            return default;
        }
    }

    /// <summary>False when a creator with a higher token was there before.</summary>
    public async ValueTask<bool> WriteAsync<T>(CacheEntry<T> entry, DateTimeOffset begunAt, long token, CancellationToken cancellation)
    {
        IDogpileSerializer<T> serializer = options.Serializers.Of<T>();
        try
        {
            ArrayBufferWriter<byte> bytes = new();
            serializer.Serialize(entry.Value, bytes);
            DogpileEntryOptions terms = entry.Life.Options;
            DateTimeOffset? keepUntil = terms.Expiry is { } expiry && terms.StaleFor is { } stale ? entry.Life.CreatedAt + expiry + stale : null;
            return await store.SetAsync(
                KeyOf(entry.Key), new StoredValue(bytes.WrittenMemory, begunAt, entry.Life.CreatedAt, keepUntil, token, [.. entry.Life.Tags]), cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            Failed(e, "write", entry.Key);
            return true;
        }
    }

    /// <summary>Whether the store has a value that was created after an instant: a successor's. A store that does not say has none.</summary>
    public async ValueTask<bool> HasSinceAsync(string key, DateTimeOffset instant)
    {
        try
        {
            return await store.GetAsync(KeyOf(key), CancellationToken.None).ConfigureAwait(false) is { } present && present.CreatedAt > instant;
        }
        catch (Exception e)
        {
            Failed(e, "read", key);
            return false;
        }
    }

    /// <summary>Takes back what <see cref="WriteAsync"/> wrote, unless somebody else has written since. Does not throw: those who wait for the value have no part in it.</summary>
    public async ValueTask UndoAsync(CacheEntry entry, DateTimeOffset begunAt, long token)
    {
        string name = KeyOf(entry.Key);
        try
        {
            if (await store.GetAsync(name, CancellationToken.None).ConfigureAwait(false) is { } present
                && present.FencingToken == token && present.BegunAt == begunAt && present.CreatedAt == entry.Life.CreatedAt)
            {
                await store.RemoveAsync(name, CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            Failed(e, "remove", entry.Key);
        }
    }

    /// <summary>Unlike reading and writing this throws: whoever invalidates must know that others may still read the value.</summary>
    public ValueTask RemoveAsync(string key, CancellationToken cancellation) => store.RemoveAsync(KeyOf(key), cancellation);

    /// <summary>Makes a value too old. Throws as <see cref="RemoveAsync"/> does.</summary>
    public ValueTask ExpireAsync(string key, CancellationToken cancellation) => store.ExpireAsync(KeyOf(key), cancellation);

    /// <summary>How long memory goes without asking, where nobody says.</summary>
    public TimeSpan? Backstop => (store as IDogpileChangeFeed)?.Backstop;

    /// <summary>Leaves a mark for other processes. Throws as <see cref="RemoveAsync"/> does.</summary>
    public async ValueTask InvalidateAsync(string? tag, Invalidation kind, DateTimeOffset at, CancellationToken cancellation) => await store.SetAsync(
        MarkKeys(tag)[kind == Invalidation.Hard ? 0 : 1],
        new StoredValue(ReadOnlyMemory<byte>.Empty, at, at, null, 0, ImmutableArray<string>.Empty),
        cancellation).ConfigureAwait(false);

    private void Failed(Exception failure, string operation, string key)
    {
        logger.StoreFailed(failure, operation, key);
        metrics.StoreFailed();
    }

    // One key for each kind: a later soft invalidation must not undo a hard one.
    private string[] MarkKeys(string? tag)
    {
        string name = tag is null ? $"{options.Region}:r" : $"{options.Region}:t:{options.KeyMangler(tag)}";
        return [name + ":hard", name + ":soft"];
    }

    // The clock of a machine may stand still for a tick: in doubt the value is invalid.
    private static Invalidation? Worst(StoredValue stored, IReadOnlyList<StoredValue?> marks)
    {
        Invalidation? worst = null;
        for (int i = 0; i < marks.Count; i++)
        {
            if (marks[i] is { } mark && mark.CreatedAt >= stored.BegunAt)
                worst = i % 2 == 0 ? Invalidation.Hard : worst ?? Invalidation.Soft;
        }

        return worst;
    }
}

/// <summary>What a store said of a value.</summary>
/// <param name="Found">The value, what is stored of it, and what has become of it since; null: none that may be used.</param>
/// <param name="IsKnown">False: the store did not answer, or with bytes that nobody can read.</param>
internal readonly record struct StoreAnswer<T>((T Value, StoredValue Stored, Invalidation? Mark)? Found, bool IsKnown);
