using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    /// <summary>An empty batch: commands that leave in one write and complete together. The caller disposes it, or uses it again and again.</summary>
    public RespBatch CreateBatch() => new(_route, _commandLinks.Length);

    /// <summary>An empty transaction: commands that run with nothing in between, or not at all. The caller disposes it, or uses it again and again.</summary>
    public RespTransaction CreateTransaction() => new(_route);

    /// <summary>
    /// WATCH on a connection of the caller's own: read the keys on it, then execute a transaction of <see cref="RespWatch.CreateTransaction"/>, which runs only if nobody else has changed them.
    /// </summary>
    /// <param name="keys">The keys.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RespOverloadException">As many connections of their own are in use as <see cref="RespClientOptions.BlockingConnections"/> allow.</exception>
    /// <exception cref="RespException">There is no connection, or the server refused.</exception>
    public async ValueTask<RespWatch> WatchAsync(IEnumerable<string> keys, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (_route.Refusal(cancellationToken) is { } refusal)
            throw refusal;
        RespLink link = _blocking.TryTake() ?? throw new RespOverloadException($"{Options.BlockingConnections} connections are in use, as many as {nameof(RespClientOptions)}.{nameof(RespClientOptions.BlockingConnections)} allows.");
        RespWatch? watch = null;
        try
        {
            RespConnection connection = await OpenedAsync(link, cancellationToken).ConfigureAwait(false);
            watch = new RespWatch(new PinnedRoute(_route, link, connection), _blocking, link);
            await Watch(watch, keys, cancellationToken).ConfigureAwait(false);
            return watch;
        }
        catch
        {
            if (watch is null)
                _blocking.Discard(link);
            else
                await watch.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static ValueTask Watch(RespWatch watch, IEnumerable<string> keys, CancellationToken cancellationToken)
    {
        RespCommand command = watch.Command("WATCH");
        foreach (string key in keys)
            command.Key(key);
        return command.ExecuteAsync(cancellationToken: cancellationToken);
    }

    private async ValueTask<RespConnection> OpenedAsync(RespLink link, CancellationToken cancellationToken)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(Options.ConnectTimeout);
        await OpenAsync(link, late.Token, cancellationToken).ConfigureAwait(false);
        return link.Current ?? throw new RespConnectionException($"The connection to {Options.Endpoint} was lost as soon as it was there.", CommandOutcome.NotSent, link.LastFault);
    }
}
