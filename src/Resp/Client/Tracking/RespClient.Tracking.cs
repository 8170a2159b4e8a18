using Sluice.Resp.Client;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    private readonly List<ClientLink> _cacheLinks = [];
    private readonly List<TrackingCache> _caches = [];

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
        SubscriptionReconciler? subscriptions;
        lock (_gate)
            (caches, subscriptions) = ([.. _caches], _subscriptions);
        if (subscriptions is not null)
            await subscriptions.DisposeAsync().ConfigureAwait(false);
        foreach (TrackingCache cache in caches)
            await cache.DisposeAsync().ConfigureAwait(false);
    }
}
