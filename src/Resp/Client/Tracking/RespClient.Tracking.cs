using Sluice.Resp.Client;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    private readonly List<ClientLink> _cacheLinks = [];
    private readonly List<TrackingCache> _caches = [];
    private readonly List<RespKeyWatch> _watches = [];

    /// <summary>
    /// Makes a near cache of string keys that the server keeps fresh (<c>CLIENT TRACKING</c>), with a connection of its own. Usually one for the life of the client: it ends with the client,
    /// or when it is disposed.
    /// </summary>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    public TrackingCache CreateTrackingCache(TrackingCacheOptions? options = null)
    {
        HelloHandshake handshake = new(Options, _links.Credentials);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            TrackingCache cache = new(_links.TermsOf("cache", handshake, watchesPeer: true), options, Forget);
            _caches.Add(cache);
            _cacheLinks.Add(new ClientLink("cache", cache.Link, handshake, new LinkListeners()));
            return cache;
        }
    }

    /// <summary>
    /// Watches all keys that begin with one of some prefixes, on a connection of its own. It ends with the client, or when it is disposed.
    /// </summary>
    /// <param name="prefixes">None may begin with another one; none at all = all keys.</param>
    /// <param name="buffered">How many changes wait for a slow reader before a gap takes their place, 1 or more.</param>
    /// <exception cref="ArgumentException">A prefix begins with another one.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="buffered"/> is less than 1.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    public RespKeyWatch WatchKeys(IReadOnlyList<string> prefixes, int buffered = 4_096)
    {
        ArgumentNullException.ThrowIfNull(prefixes);
        ArgumentOutOfRangeException.ThrowIfLessThan(buffered, 1);
        HelloHandshake handshake = new(Options, _links.Credentials);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            RespKeyWatch watch = new(_links.TermsOf("watch", handshake, watchesPeer: true), [.. prefixes], buffered, Forget);
            _watches.Add(watch);
            _cacheLinks.Add(new ClientLink("watch", watch.Link, handshake, new LinkListeners()));
            return watch;
        }
    }

    private void Forget(RespKeyWatch watch)
    {
        lock (_gate)
        {
            _watches.Remove(watch);
            _cacheLinks.RemoveAll(one => ReferenceEquals(one.Link, watch.Link));
        }
    }

    private void Forget(TrackingCache cache)
    {
        lock (_gate)
        {
            _caches.Remove(cache);
            _cacheLinks.RemoveAll(one => ReferenceEquals(one.Link, cache.Link));
        }
    }

    /// <summary>Ends what stands on connections of its own: streams end, reads fail.</summary>
    private async Task EndPushesAsync()
    {
        TrackingCache[] caches;
        RespKeyWatch[] watches;
        SubscriptionReconciler? subscriptions;
        lock (_gate)
            (caches, watches, subscriptions) = ([.. _caches], [.. _watches], _subscriptions);
        if (subscriptions is not null)
            await subscriptions.DisposeAsync().ConfigureAwait(false);
        foreach (TrackingCache cache in caches)
            await cache.DisposeAsync().ConfigureAwait(false);
        foreach (RespKeyWatch watch in watches)
            await watch.DisposeAsync().ConfigureAwait(false);
    }
}
