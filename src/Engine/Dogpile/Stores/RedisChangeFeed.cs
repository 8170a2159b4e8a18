using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Diagnostics;
using Sluice.Resp;

namespace Sluice.Dogpiling;

/// <summary>
/// Hears of changed keys, from the server where it can track, by messages where it can't, and tells whoever watches. Where something may be missing it says that everything may have changed.
/// </summary>
/// <remarks>One loop reads and tells; watchers are added and removed by any thread.</remarks>
internal sealed class RedisChangeFeed : IAsyncDisposable
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly RespClient _client;
    private readonly string _prefix;
    private readonly string _channel;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _running;
    private ImmutableArray<Watcher> _watchers = [];
    private volatile bool _tellsAll;
    private bool _isDeaf;
    private int _isDisposed;

    public RedisChangeFeed(RespClient client, string prefix, string channel, RedisDogpileStoreOptions options)
    {
        (_client, _prefix, _channel) = (client, prefix, channel);
        _logger = options.LoggerFactory is { } logging ? new GuardedLogger(logging.CreateLogger<RedisDogpileStore>()) : NullLogger.Instance;
        _tellsAll = options.Tracking;
        _running = Task.Run(() => RunAsync(options.Tracking));
    }

    /// <summary>Whether the server itself tells of every change; not when only other stores do. What was read before is doubted when this changes.</summary>
    public bool TellsAll => _tellsAll;

    public IDisposable Add(string keyPrefix, Action<string?> changed)
    {
        Watcher watcher = new(this, keyPrefix, changed);
        ImmutableInterlocked.Update(ref _watchers, static (watchers, added) => watchers.Add(added), watcher);
        return watcher;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        await _closing.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _closing.Dispose();
    }

    private async Task RunAsync(bool tracks)
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                if (tracks && await TrackAsync().ConfigureAwait(false) is { } refusal)
                {
                    _logger.ChangesNotTracked(refusal, _channel);
                    tracks = false;
                    _tellsAll = false;
                }
                else if (!tracks)
                {
                    await ListenAsync().ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (_closing.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                // The client was closed, or refuses the subscription: nothing is told, so everything may have changed, now and until it is heard again.
                if (!_isDeaf)
                    _logger.ChangesNotHeard(e, _channel);
                _isDeaf = true;
                Tell(null);
                await Task.Delay(RetryAfter, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Ends when the server can't track; says why.</summary>
    private async Task<RespServerException> TrackAsync()
    {
        RespKeyWatch watch = _client.WatchKeys([_prefix]);
        await using (watch.ConfigureAwait(false))
        {
            await foreach (RespKeyChange change in watch.ReadAllAsync(_closing.Token).ConfigureAwait(false))
            {
                if (change.IsGap && watch.Refusal is { } refusal)
                    return refusal;
                _isDeaf = false;
                Tell(change.Key);
            }
        }

        throw new ObjectDisposedException(nameof(RespClient));
    }

    private async Task ListenAsync()
    {
        RespSubscription subscription = await _client.SubscribeAsync(_channel, _closing.Token).ConfigureAwait(false);
        await using (((IAsyncDisposable)subscription).ConfigureAwait(false))
        {
            _isDeaf = false;
            Tell(null); // what happened before
            await foreach (RespMessage message in subscription.WithCancellation(_closing.Token).ConfigureAwait(false))
                Tell(message.IsGap ? null : message.Text);
        }
    }

    private void Tell(string? key)
    {
        string? name = key is not null && key.StartsWith(_prefix, StringComparison.Ordinal) ? key[_prefix.Length..] : null;
        if (key is not null && name is null)
            return;
        foreach (Watcher watcher in _watchers)
        {
            if (name is null || name.StartsWith(watcher.KeyPrefix, StringComparison.Ordinal))
                watcher.Tell(name, _logger);
        }
    }

    private sealed class Watcher(RedisChangeFeed feed, string keyPrefix, Action<string?> changed) : IDisposable
    {
        public string KeyPrefix => keyPrefix;

        /// <summary>One that throws must not make the others deaf.</summary>
        public void Tell(string? name, ILogger logger)
        {
            try
            {
                changed(name);
            }
            catch (Exception e)
            {
                logger.WatcherThrew(e, keyPrefix);
            }
        }

        public void Dispose() => ImmutableInterlocked.Update(ref feed._watchers, static (watchers, removed) => watchers.Remove(removed), this);
    }
}
