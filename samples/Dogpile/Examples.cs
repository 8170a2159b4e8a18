using System.Collections.Concurrent;

namespace Sluice.Samples.Dogpiling;

/// <summary>
/// The examples of dogpile.core's documentation. Each takes what makes it go on (the end of a creation, the time) from outside, so that the program can show it and
/// a test can look at every step.
/// </summary>
public static class Examples
{
    /// <summary>The simplest use: a resource that is created anew every hour, by one caller.</summary>
    public static async Task<string> SimpleAsync(Dogpile<string> dogpile, string who, Func<CancellationToken, ValueTask<string>> creator, Play play, CancellationToken cancellation)
    {
        using DogpileScope<string> resource = await dogpile.AcquireAsync(creator, cancellation);
        play.Note(who, resource.Outcome, resource.Value);
        return resource.Value;
    }

    /// <summary>A file that is replaced in place: the creator prepares the new one beside it, and swaps when nobody reads.</summary>
    public static async Task<string> ReadFileAsync(
        SyncReaderDogpile<string> dogpile, string path, string who, Func<CancellationToken, ValueTask<string>> prepare, Play play, CancellationToken cancellation)
    {
        using DogpileScope<string> section = await dogpile.AcquireAsync(
            async (write, token) =>
            {
                string next = path + ".next";
                await File.WriteAllTextAsync(next, await prepare(token), token); // readers go on with the old file
                await write.EnterAsync(token);                                   // readers have left, new ones wait
                File.Move(next, path, overwrite: true);
                return path;
            },
            cancellation);

        // Inside the section the file stays what it is, however often it is opened.
        string content = await File.ReadAllTextAsync(section.Value, cancellation);
        play.Note(who, section.Outcome, content);
        return content;
    }

    /// <summary>A value that lives in a cache server with the time of its creation: the getter reads it, the creator stores it.</summary>
    public static async Task<string> ThroughCacheAsync(
        Dogpile<string> dogpile, CacheServer server, string key, Func<CancellationToken, ValueTask<string>> load, string who, Play play, CancellationToken cancellation)
    {
        ValueGetter<string> getter = ValueGetter<string>.OfValueAndTime(() => server.Get(key));
        using DogpileScope<string> scope = await dogpile.AcquireAsync(
            async token =>
            {
                string value = await load(token);
                server.Set(key, value);
                return value;
            },
            getter,
            cancellation);
        play.Note(who, scope.Outcome, scope.Value);
        return scope.Value;
    }

    /// <summary>
    /// A decorator that caches any function by its argument. (The product has one, <see cref="DogpileCache.Cached{TArgument, T}"/>; this is how little it takes.)
    /// </summary>
    public static Func<TArgument, CancellationToken, Task<T>> Cached<TArgument, T>(TimeSpan expiry, TimeProvider time, Func<TArgument, CancellationToken, ValueTask<T>> function)
        where TArgument : notnull
    {
        ConcurrentDictionary<TArgument, Dogpile<T>> dogpiles = new();
        return async (argument, cancellation) =>
        {
            Dogpile<T> dogpile = dogpiles.GetOrAdd(argument, _ => new Dogpile<T>(new DogpileOptions { Expiry = expiry, TimeProvider = time, Name = $"{argument}" }));
            using DogpileScope<T> scope = await dogpile.AcquireAsync(token => function(argument, token), cancellation);
            return scope.Value;
        };
    }

    /// <summary>Very many keys: the values are in the cache server, and a key's dogpile exists only while somebody asks for the key.</summary>
    public static async Task<string> AmongManyKeysAsync(
        NameRegistry<string, Dogpile<string>> registry,
        DogpileOptions options,
        CacheServer server,
        string key,
        Func<CancellationToken, ValueTask<string>> load,
        string who,
        Play play,
        CancellationToken cancellation)
    {
        using NameLease<Dogpile<string>> dogpile = registry.Get(key, options, static (key, options) => new Dogpile<string>(options with { Name = key }));
        return await ThroughCacheAsync(dogpile.Value, server, key, load, who, play, cancellation);
    }

    /// <summary>Several processes: the values are in a store, and a file lock keeps the creators apart. Every process makes such a cache.</summary>
    public static DogpileCache AcrossProcesses(IDogpileStore store, string lockFolder, TimeProvider time) => new(new DogpileCacheOptions
    {
        Store = store,
        Mutex = new FileCreationMutex(lockFolder, TimeSpan.FromMilliseconds(5)),
        TimeProvider = time,
        Region = "sample",
    });
}

/// <summary>Stands for memcached: values with the time at which they were stored. It may lose them whenever it likes.</summary>
public sealed class CacheServer(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, (string Value, DateTimeOffset StoredAt)> _values = new();
    private int _gets;

    /// <summary>Round trips for reading.</summary>
    public int Gets => Volatile.Read(ref _gets);

    public ValueLookup<string> Get(string key)
    {
        Interlocked.Increment(ref _gets);
        return _values.TryGetValue(key, out (string Value, DateTimeOffset StoredAt) found)
            ? ValueLookup<string>.Found(found.Value, found.StoredAt)
            : ValueLookup<string>.NeedRegeneration;
    }

    public void Set(string key, string value) => _values[key] = (value, time.GetUtcNow());
}
