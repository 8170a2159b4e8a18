using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

/// <summary>One item of a <see cref="RespKeyWatch"/>.</summary>
/// <param name="Key">The key that has changed, expired or was evicted, as UTF-8 (bytes that are none become U+FFFD); null = any key may have: look at all that matter.</param>
public readonly record struct RespKeyChange(string? Key)
{
    /// <summary>True when changes may be missing at this place.</summary>
    public bool IsGap => Key is null;
}

/// <summary>
/// Tells which keys change on the server, whoever changes them (<c>CLIENT TRACKING ON BCAST</c>), on a connection of its own. Changes that this process makes are told, too.
/// </summary>
/// <remarks>
/// <para>A change is told half a round trip after it. A key that changes often may be told once for several changes, never not at all: where something may be missing, because the connection was
/// lost or the reader was too slow, there is a gap. Every connection begins with one.</para>
/// <para>A server that can't track (older than version 6, or forbidden) tells nothing but that first gap: see <see cref="Refusal"/>.</para>
/// <para>One reader at a time; the other members are for any thread.</para>
/// </remarks>
public sealed class RespKeyWatch : IAsyncDisposable
{
    private readonly Channel<RespKeyChange> _changes;
    private readonly TrackedLink _tracked;
    private readonly Action<RespKeyWatch> _onEnded;
    private RespServerException? _refusal;
    private RespConnection? _connection;
    private int _hasGap;

    internal RespKeyWatch(LinkTerms terms, IReadOnlyList<string> prefixes, int buffered, Action<RespKeyWatch> onEnded)
    {
        _onEnded = onEnded;
        _changes = Channel.CreateBounded<RespKeyChange>(new BoundedChannelOptions(buffered) { SingleReader = true });
        _tracked = new TrackedLink(terms, new RespTrackingOptions { Mode = RespTrackingMode.Broadcast, Prefixes = prefixes }, new Listener(this));
        _tracked.Link.Start();
    }

    /// <summary>True while there is a connection and the server tells of changes.</summary>
    public bool IsTracking => Volatile.Read(ref _connection) is { Fault: null };

    /// <summary>Why the server does not tell; null while it does, or before there was a connection. Written before the gap with which a connection begins.</summary>
    public RespServerException? Refusal => Volatile.Read(ref _refusal);

    internal RespLink Link => _tracked.Link;

    /// <summary>The changes; ends when the watch is disposed.</summary>
    /// <param name="cancellationToken">Stops reading; what comes meanwhile is kept, as far as there is room.</param>
    public async IAsyncEnumerable<RespKeyChange> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await _changes.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            // The flag is looked at once more when the channel is empty: a gap that found no room was noted while it was full, so before that.
            bool isRead;
            do
            {
                if (Interlocked.Exchange(ref _hasGap, 0) != 0)
                    yield return default;
                isRead = _changes.Reader.TryRead(out RespKeyChange change);
                if (isRead && !change.IsGap)
                    yield return change;
            }
            while (isRead || Volatile.Read(ref _hasGap) != 0);
        }
    }

    /// <summary>Ends the watch and its connection. Any number of times.</summary>
    public async ValueTask DisposeAsync()
    {
        _onEnded(this);
        await _tracked.DisposeAsync().ConfigureAwait(false);
        Volatile.Write(ref _connection, null);
        _changes.Writer.TryComplete();
    }

    /// <summary>A gap is a flag, and an item that wakes the reader: it needs no room where there is none.</summary>
    private void Gap()
    {
        Volatile.Write(ref _hasGap, 1);
        _changes.Writer.TryWrite(default);
    }

    private sealed class Listener(RespKeyWatch watch) : TrackingListener
    {
        public override void OnOpened(RespConnection connection, RespServerException? refusal)
        {
            Volatile.Write(ref watch._refusal, refusal);
            Volatile.Write(ref watch._connection, refusal is null ? connection : null);
            watch.Gap();
        }

        public override void OnInvalidated(ReadOnlySpan<byte> key)
        {
            if (!watch._changes.Writer.TryWrite(new RespKeyChange(Encoding.UTF8.GetString(key))))
                watch.Gap();
        }

        public override void OnFlushed() => watch.Gap();
    }
}
