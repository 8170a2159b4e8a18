namespace Sluice;

/// <summary>A creation mutex for several caches of one process, e.g. on one store. First come, first served; nothing is left of a key that nobody uses.</summary>
/// <remarks>All members are thread-safe. Tokens begin with the clock (microseconds since 1970, as those of an engine's locks do), so that they are higher than those that the process before this one left in a store.</remarks>
public sealed class InProcessCreationMutex : ICreationMutex
{
    private readonly NameRegistry<string, SemaphoreSlim> _names = new(static _ => new SemaphoreSlim(1, 1));

    // One sequence for all keys: it grows for each of them, and outlives their objects.
    private long _lastToken;

    /// <summary>A mutex that nobody has.</summary>
    /// <param name="time">The clock that tokens begin with; null = the system's.</param>
    public InProcessCreationMutex(TimeProvider? time = null) => _lastToken = ((time ?? TimeProvider.System).GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <inheritdoc/>
    public async ValueTask<CreationLease?> AcquireAsync(string key, bool waits, CancellationToken cancellation)
    {
        NameLease<SemaphoreSlim> name = _names.Get(key);
        try
        {
            if (await name.Value.WaitAsync(waits ? Timeout.Infinite : 0, cancellation).ConfigureAwait(false))
                return new Held(name, Interlocked.Increment(ref _lastToken));
        }
        catch
        {
            name.Dispose();
            throw;
        }

        name.Dispose();
        return null;
    }

    private sealed class Held(NameLease<SemaphoreSlim> name, long token) : CreationLease
    {
        private int _isReleased;

        public override long FencingToken => token;

        public override ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _isReleased, 1) == 0)
            {
                name.Value.Release();
                name.Dispose();
            }

            return ValueTask.CompletedTask;
        }
    }
}
