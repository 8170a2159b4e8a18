using Sluice.Dogpiling;
using Sluice.Resp;

namespace Sluice;

/// <summary>
/// Values of a <see cref="DogpileCache"/> on a Redis server: one string key each, which expires by itself. A write with a lower fencing token than the one that is there changes nothing, which
/// the server decides. Caches that use it are told of changes (<see cref="IDogpileChangeFeed"/>).
/// </summary>
/// <remarks>
/// Reads are one round trip (two for a value with tags), writes one script. The client is the application's: it is not disposed, and has to outlive the store. Thread-safe.
/// </remarks>
public sealed class RedisDogpileStore : IDogpileStore, IDogpileChangeFeed, IAsyncDisposable
{
    // A token is compared as two halves, because a script's numbers are exact up to 2^53. The message is last and may be refused: it is for those who can't track, and the write has happened.
    private static readonly Script Set = new(
        """
        local token = redis.call('GETRANGE', KEYS[1], 2, 9)
        if #token == 8 then
          local high, low = struct.unpack('>i4I4', token)
          local new_high, new_low = struct.unpack('>i4I4', string.sub(ARGV[1], 3, 10))
          if high > new_high or (high == new_high and low > new_low) then return 0 end
        end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        redis.pcall('PUBLISH', ARGV[3], KEYS[1])
        return 1
        """,
        "dogpile-set");

    private static readonly Script Remove = new("redis.call('DEL', KEYS[1]) redis.pcall('PUBLISH', ARGV[1], KEYS[1]) return 1", "dogpile-remove");

    // With the commands that the other scripts need, so that a user needs no further right. The value keeps its time to live.
    private static readonly Script Expire = new(
        """
        local value = redis.call('GETRANGE', KEYS[1], 0, -1)
        if #value < 2 or string.byte(value) ~= 1 then return 0 end
        local flags = string.byte(value, 2)
        if flags % 2 == 0 then
          redis.call('SET', KEYS[1], string.sub(value, 1, 1) .. string.char(flags + 1) .. string.sub(value, 3), 'KEEPTTL')
          redis.pcall('PUBLISH', ARGV[1], KEYS[1])
        end
        return 1
        """,
        "dogpile-expire");

    private readonly RespClient _client;
    private readonly RedisDogpileStoreOptions _options;
    private readonly TimeProvider _time;
    private readonly string _prefix;
    private readonly string _channel;
    private readonly Lock _gate = new();
    private RedisChangeFeed? _feed;
    private bool _isDisposed;

    /// <summary>A store on a server.</summary>
    /// <param name="client">Through which; the application's.</param>
    /// <param name="options">Null = the defaults.</param>
    /// <param name="time">Turns the instant until which a value is kept into a time to live; the caches' clock. Null = the system's.</param>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    public RedisDogpileStore(RespClient client, RedisDogpileStoreOptions? options = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _options = options ?? new RedisDogpileStoreOptions();
        _options.Validate();
        _time = time ?? TimeProvider.System;
        _prefix = _options.Prefix + ":";
        _channel = _prefix + "changes";
    }

    /// <inheritdoc/>
    public async ValueTask<StoredValue?> GetAsync(string key, CancellationToken cancellation)
    {
        using RespLease bytes = await _client.GetLeaseAsync(_prefix + key, cancellationToken: cancellation).ConfigureAwait(false);
        return bytes.IsNull ? null : StoredValueForm.Read(bytes.Span.ToArray());
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<StoredValue?>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (keys.Count == 0)
            return [];

        // One command for each key, one write for all: a cluster has them in different places.
        using RespBatch batch = _client.CreateBatch();
        foreach (string key in keys)
            batch.Command("GET").Key(_prefix + key).Add();
        await batch.ExecuteAsync(cancellationToken: cancellation).ConfigureAwait(false);
        StoredValue?[] values = new StoredValue?[keys.Count];
        for (int i = 0; i < values.Length; i++)
        {
            if (batch[i].ToArray() is { } bytes)
                values[i] = StoredValueForm.Read(bytes);
        }

        return values;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> SetAsync(string key, StoredValue value, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(value);
        TimeSpan life = value.KeepUntil - _time.GetUtcNow() is { } own && own < _options.LongestLife ? own : _options.LongestLife;
        long milliseconds = Math.Max(1, (long)life.TotalMilliseconds);
        return await _client.Command(Set, 1).Key(_prefix + key).Write(StoredValueForm.Write(value)).Write(milliseconds).Write(_channel).ToInt64Async(cancellationToken: cancellation).ConfigureAwait(false) == 1;
    }

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string key, CancellationToken cancellation) =>
        await _client.Command(Remove, 1).Key(_prefix + key).Write(_channel).ToInt64Async(cancellationToken: cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask ExpireAsync(string key, CancellationToken cancellation) =>
        await _client.Command(Expire, 1).Key(_prefix + key).Write(_channel).ToInt64Async(cancellationToken: cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public TimeSpan? Backstop => Volatile.Read(ref _feed) is { TellsAll: false } ? _options.UntrackedNearExpiry : null;

    /// <inheritdoc/>
    public IDisposable Watch(string keyPrefix, Action<string?> changed)
    {
        ArgumentNullException.ThrowIfNull(keyPrefix);
        ArgumentNullException.ThrowIfNull(changed);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _feed ??= new RedisChangeFeed(_client, _prefix, _channel, _options);
            return _feed.Add(keyPrefix, changed);
        }
    }

    /// <summary>Ends the watches; the values stay.</summary>
    public async ValueTask DisposeAsync()
    {
        RedisChangeFeed? feed;
        lock (_gate)
        {
            _isDisposed = true;
            feed = _feed;
        }

        if (feed is not null)
            await feed.DisposeAsync().ConfigureAwait(false);
    }
}
