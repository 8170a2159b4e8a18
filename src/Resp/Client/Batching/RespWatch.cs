using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

/// <summary>
/// Optimistic concurrency: a connection of the caller's own on which keys are watched, for reading them and then writing if nobody else did. See <see cref="RespClient.WatchAsync"/>.
/// </summary>
/// <remarks>
/// Used by one caller at a time, for one transaction at most; dispose it, and begin again when the transaction returned false. When its connection is lost, so are the watches: everything fails from then
/// on, and nothing is sent on a connection that does not watch.
/// </remarks>
public sealed class RespWatch : IAsyncDisposable
{
    private readonly PinnedRoute _route;
    private readonly BlockingLinks _links;
    private readonly RespLink _link;
    private int _disposed;

    internal RespWatch(PinnedRoute route, BlockingLinks links, RespLink link)
    {
        _route = route;
        _links = links;
        _link = link;
    }

    /// <summary>Begins a command on the connection that watches.</summary>
    public RespCommand Command(RespCommandPrefix prefix) => new(_route, prefix);

    /// <summary>Begins any command on the connection that watches.</summary>
    public RespCommand Command(string name) => new(_route, name);

    /// <summary>A transaction that runs only if the watched keys have not changed.</summary>
    public RespTransaction CreateTransaction() => new(_route);

    /// <summary>Ends the watching and gives the connection back; commands and transactions of it fail from then on with <see cref="ObjectDisposedException"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        PinnedRoute last = _route.Close();
        try
        {
            await new RespCommand(last, "UNWATCH").ExecuteAsync().ConfigureAwait(false);
            _links.GiveBack(_link);
        }
        catch (Exception lost) when (lost is RespException or OperationCanceledException)
        {
            // What the connection's state is, nobody knows.
            _links.Discard(_link);
        }
    }
}
