using System.Buffers;
using System.Runtime.CompilerServices;
using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

/// <summary>
/// Values of string keys, kept near: read from the server once, then from memory until the server says that they have changed.
/// </summary>
/// <remarks>
/// <para><b>How fresh.</b> A value is served until the server's invalidation has arrived, which is half a round trip after the change. A read that begins after that never gets what
/// was before the change. When the connection is lost everything is dropped, and nothing is kept until the next connection is tracked; if the server falls silent without closing the
/// connection, values may be served until that is noticed (<c>PingAfter</c> + <c>PeerTimeout</c> of the client, six seconds by default). Versions of a key that one reader sees only grow.</para>
/// <para><b>Own writes.</b> The reply to a write over another connection may be here before the invalidation. Who has to read what it has written calls <see cref="Invalidate(string)"/> in between.</para>
/// <para><b>Cost.</b> A hit takes no lock, does not allocate and sends nothing. A miss is one round trip, whoever asks for the key meanwhile shares it. Reads go over one
/// connection of the cache's own, because there replies and invalidations come in one order.</para>
/// <para>A server that can't track (older than version 6, or forbidden) makes a cache that keeps nothing: see <see cref="Refusal"/>.</para>
/// <para>Thread-safe. The memory of a value is shared by all who read it: don't write to it.</para>
/// </remarks>
public sealed class TrackingCache : IAsyncDisposable
{
    private const int ShortKey = 256;

    private static readonly RespCommandPrefix GetCommand = new("GET", 1);
    private static readonly RespCommandPrefix ExpiryCommand = new("PTTL", 1);

    private readonly TrackingCacheOptions _options;
    private readonly byte[][] _prefixes;
    private readonly long _maxAge;
    private readonly TrackedLink _tracked;
    private readonly StripedCounter _hits = new();
    private readonly Action<TrackingCache>? _onEnded;
    private CacheTable _table;
    private RespConnection? _connection;
    private RespServerException? _refusal;
    private long _misses;
    private long _joined;
    private long _invalidations;
    private long _flushes;
    private long _evictions;
    private long _notKept;

    internal TrackingCache(LinkTerms terms, TrackingCacheOptions? options, Action<TrackingCache>? onEnded = null)
    {
        _onEnded = onEnded;
        _options = options ?? new TrackingCacheOptions();
        _options.Validate();
        _prefixes = [.. _options.Tracking.Prefixes.Select(ByteStrings.Utf8.GetBytes)];
        _maxAge = _options.MaxAge == Timeout.InfiniteTimeSpan ? long.MaxValue / 2 : (long)_options.MaxAge.TotalMilliseconds;
        _table = NewTable();
        _tracked = new TrackedLink(terms, _options.Tracking, new Listener(this));
        _tracked.Link.Start();
    }

    /// <summary>True while values are kept: there is a connection, and the server tells of changes.</summary>
    public bool IsTracking => Volatile.Read(ref _connection) is { Fault: null };

    /// <summary>Why the server does not track; null while it does, or before there was a connection.</summary>
    public RespServerException? Refusal => Volatile.Read(ref _refusal);

    /// <summary>What happened so far.</summary>
    public TrackingCacheStatistics Statistics
    {
        get
        {
            CacheTable table = Volatile.Read(ref _table);
            return new TrackingCacheStatistics
            {
                Hits = _hits.Sum(),
                Misses = Volatile.Read(ref _misses),
                Joined = Volatile.Read(ref _joined),
                Invalidations = Volatile.Read(ref _invalidations),
                Flushes = Volatile.Read(ref _flushes),
                Evictions = Volatile.Read(ref _evictions),
                NotKept = Volatile.Read(ref _notKept),
                Entries = table.Count,
                Bytes = table.Bytes,
            };
        }
    }

    /// <summary>The link, for its state.</summary>
    internal RespLink Link => _tracked.Link;

    /// <summary>The value of a key (<c>GET</c>), from memory if it is there.</summary>
    /// <param name="key">In UTF-8.</param>
    /// <param name="cancellationToken">Ends this caller's wait; a read that others share goes on.</param>
    /// <returns>Null if there is no such key: that is kept like a value.</returns>
    /// <exception cref="RespServerException">The server refuses it, for one because the key holds no string.</exception>
    /// <exception cref="RespConnectionException">The connection was lost.</exception>
    /// <exception cref="RespTimeoutException">The read took longer than commands may take.</exception>
    public ValueTask<ReadOnlyMemory<byte>?> GetAsync(string key, CancellationToken cancellationToken = default)
    {
        ValueTask<ReadOnlyMemory<byte>?> value;
        using (Utf8Key bytes = new(key, stackalloc byte[ShortKey]))
            value = GetAsync(bytes.Span, cancellationToken);
        return value;
    }

    /// <inheritdoc cref="GetAsync(string, CancellationToken)"/>
    public ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlySpan<byte> key, CancellationToken cancellationToken = default)
    {
        CacheTable table = Volatile.Read(ref _table);
        if (TryGet(table, key, out byte[]? value))
            return new ValueTask<ReadOnlyMemory<byte>?>(Wrap(value));
        return cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<ReadOnlyMemory<byte>?>(cancellationToken)
            : Read(table, key, cancellationToken);
    }

    /// <summary>Looks into memory only.</summary>
    /// <param name="key">In UTF-8.</param>
    /// <param name="value">Null if it is known that there is no such key.</param>
    /// <returns>True if it is known.</returns>
    public bool TryGet(string key, out ReadOnlyMemory<byte>? value)
    {
        using Utf8Key bytes = new(key, stackalloc byte[ShortKey]);
        return TryGet(bytes.Span, out value);
    }

    /// <inheritdoc cref="TryGet(string, out ReadOnlyMemory{byte}?)"/>
    public bool TryGet(ReadOnlySpan<byte> key, out ReadOnlyMemory<byte>? value)
    {
        bool found = TryGet(Volatile.Read(ref _table), key, out byte[]? bytes);
        value = Wrap(bytes);
        return found;
    }

    /// <summary>Forgets a key: whoever reads it from here on gets what the server has from here on. A read that is under way ends for those who wait for it, and is not kept.</summary>
    public void Invalidate(string key)
    {
        using Utf8Key bytes = new(key, stackalloc byte[ShortKey]);
        Invalidate(bytes.Span);
    }

    /// <inheritdoc cref="Invalidate(string)"/>
    public void Invalidate(ReadOnlySpan<byte> key) => Volatile.Read(ref _table).Remove(key);

    /// <summary>Forgets everything.</summary>
    public void Clear() => Volatile.Write(ref _table, NewTable());

    /// <summary>Ends the cache and its connection; reads that are under way fail.</summary>
    public async ValueTask DisposeAsync()
    {
        await _tracked.DisposeAsync().ConfigureAwait(false);
        Clear();
        _onEnded?.Invoke(this);
    }

    /// <summary>A read has its replies. The reader thread: what it keeps is in the table before the next push is looked at.</summary>
    internal void OnRead(CacheFlight flight, bool isKeepable)
    {
        long expires = Math.Min(flight.Expires, flight.Began + _maxAge);
        if (flight.Entry is { } entry && isKeepable && IsTracking && expires > RespClock.Now && (flight.Value?.Length ?? 0) <= _options.MaxValueBytes
            && flight.Table!.TryFill(entry, flight.Value, expires, out int evicted))
        {
            if (evicted != 0)
                Volatile.Write(ref _evictions, _evictions + evicted);
            return;
        }

        Volatile.Write(ref _notKept, _notKept + 1);
        if (flight.Entry is { } dropped)
            flight.Table!.Withdraw(dropped);
    }

    // Spelled out: a bare null would become an array that is null, and with it an empty value.
    private static ReadOnlyMemory<byte>? Wrap(byte[]? value) => value is null ? default(ReadOnlyMemory<byte>?) : new ReadOnlyMemory<byte>(value);

    private static ValueTask<ReadOnlyMemory<byte>?> WaitAsync(CacheFlight flight, CancellationToken cancellationToken) =>
        new(cancellationToken.CanBeCanceled ? flight.Result.Task.WaitAsync(cancellationToken) : flight.Result.Task);

    private static async Task ObserveAsync(CacheFlight flight, ValueTask replies)
    {
        try
        {
            await replies.ConfigureAwait(false);
            flight.Result.TrySetResult(Wrap(flight.Value));
        }
        catch (Exception failure)
        {
            if (flight.Entry is { } entry)
                flight.Table!.Withdraw(entry);
            flight.Result.TrySetException(failure);
            // Those who waited may all have given up.
            _ = flight.Result.Task.Exception;
        }
    }

    private bool TryGet(CacheTable table, ReadOnlySpan<byte> key, out byte[]? value)
    {
        if (!table.TryGet(key, RespClock.Now, out value) || !IsTracking)
            return false;
        _hits.Increment();
        return true;
    }

    private ValueTask<ReadOnlyMemory<byte>?> Read(CacheTable table, ReadOnlySpan<byte> key, CancellationToken cancellationToken)
    {
        bool isKept = Volatile.Read(ref _refusal) is null && IsCovered(key);
        long now = RespClock.Now;
        CacheFlight own = new(this, now, asksForExpiry: isKept && _options.HonoursExpiry) { Table = table };
        if (isKept)
        {
            CacheFlight? flight = table.Enter(key, own, now, out byte[]? value);
            if (flight is null && IsTracking)
            {
                _hits.Increment();
                return new ValueTask<ReadOnlyMemory<byte>?>(Wrap(value));
            }

            if (flight is not null && !ReferenceEquals(flight, own))
            {
                Interlocked.Increment(ref _joined);
                return WaitAsync(flight, cancellationToken);
            }

            // Else it is in the table, or what is there has just lost its worth and goes with the table: this read is for its caller only.
        }

        Interlocked.Increment(ref _misses);
        Send(own, key);
        return WaitAsync(own, cancellationToken);
    }

    private void Send(CacheFlight flight, ReadOnlySpan<byte> key)
    {
        Span<byte> scratch = stackalloc byte[2 * ShortKey];
        using RespCommandWriter get = new(scratch[..ShortKey], GetCommand);
        get.Write(key);
        ReadOnlySpan<byte> frame = get.Complete();
        byte[]? both = null;
        if (flight.Expected == 2)
        {
            using RespCommandWriter expiry = new(scratch[ShortKey..], ExpiryCommand);
            expiry.Write(key);
            ReadOnlySpan<byte> second = expiry.Complete();
            both = ArrayPool<byte>.Shared.Rent(frame.Length + second.Length);
            frame.CopyTo(both);
            second.CopyTo(both.AsSpan(frame.Length));
            frame = both.AsSpan(0, frame.Length + second.Length);
        }

        ReplySlot slot = Link.Rent(ReplyKind.Collected, default);
        slot.SetCollector(flight);
        ValueTask replies = new(slot, slot.Token);
        Link.Send(frame, slot);
        if (both is not null)
            ArrayPool<byte>.Shared.Return(both);
        _ = ObserveAsync(flight, replies);
    }

    private bool IsCovered(ReadOnlySpan<byte> key)
    {
        if (_prefixes.Length == 0)
            return true;
        foreach (byte[] prefix in _prefixes)
        {
            if (key.StartsWith(prefix))
                return true;
        }

        return false;
    }

    private CacheTable NewTable() => new(_options.MaxEntries, _options.MaxBytes);

    private sealed class Listener(TrackingCache cache) : TrackingListener
    {
        public override void OnOpened(RespConnection connection, RespServerException? refusal)
        {
            Volatile.Write(ref cache._refusal, refusal);
            // Placeholders from before may stay: their reads go over this connection, or fail. If it is not tracked, nothing is filled.
            Volatile.Write(ref cache._connection, refusal is null ? connection : null);
        }

        public override void OnInvalidated(ReadOnlySpan<byte> key)
        {
            Volatile.Write(ref cache._invalidations, cache._invalidations + 1);
            cache.Invalidate(key);
        }

        public override void OnFlushed()
        {
            Volatile.Write(ref cache._flushes, cache._flushes + 1);
            cache.Clear();
        }
    }

    /// <summary>A key in UTF-8 on the stack, or in pooled memory when it is long.</summary>
    private ref struct Utf8Key : IDisposable
    {
        private byte[]? _rented;

        public Utf8Key(string key, Span<byte> scratch)
        {
            ArgumentNullException.ThrowIfNull(key);
            int most = ByteStrings.Utf8.GetMaxByteCount(key.Length);
            Span<byte> room = most <= scratch.Length ? scratch : _rented = ArrayPool<byte>.Shared.Rent(most);
            Span = room[..ByteStrings.Utf8.GetBytes(key, room)];
        }

        public ReadOnlySpan<byte> Span { get; }

        public void Dispose()
        {
            if (_rented is not null)
                ArrayPool<byte>.Shared.Return(_rented);
            _rented = null;
        }
    }
}
