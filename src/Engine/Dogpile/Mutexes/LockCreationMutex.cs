using System.Security.Cryptography;
using System.Text;
using Sluice.Aggregates;

namespace Sluice;

/// <summary>
/// A creation mutex made of an engine's locks: for everything that shares the coordinator. A lease is lost when its process dies or does not renew it; the next who waits has it then. Waiters are granted
/// in order, by a push.
/// </summary>
/// <remarks>
/// All members are thread-safe. Over <see cref="SluiceEngine.Locks"/> a dead creator is replaced after <see cref="EngineLockOptions.LeaseDuration"/>, which is three of its renewals;
/// <see cref="SluiceEngine.CreationMutex"/> does so within two <see cref="EngineOptions.CreationHeartbeat"/>s. The lock of a key is the mutex <c>creation:KEY</c>, with a hash in place of a key that is too long.
/// </remarks>
public sealed class LockCreationMutex : ICreationMutex
{
    private const string NamePrefix = "creation:";

    private readonly ILockService _locks;
    private readonly TimeSpan _patience;

    /// <summary>A creation mutex made of locks.</summary>
    /// <param name="locks">The locks.</param>
    /// <param name="patience">
    /// How long a coordinator that does not answer is waited for, 1 ms and more; then acquiring throws, and the cache creates without a lease. As long as a lease: then nobody else can be certain of one either. Null = 10 s.
    /// </param>
    public LockCreationMutex(ILockService locks, TimeSpan? patience = null)
    {
        ArgumentNullException.ThrowIfNull(locks);
        _locks = locks;
        _patience = patience ?? TimeSpan.FromSeconds(10);
        if (_patience < TimeSpan.FromMilliseconds(1) || _patience > TimeSpan.FromDays(1))
            throw new ArgumentOutOfRangeException(nameof(patience), patience, "The patience must be 1 ms to 1 day.");
    }

    /// <inheritdoc/>
    /// <exception cref="CoordinatorException">The coordinator did not answer.</exception>
    public async ValueTask<CreationLease?> AcquireAsync(string key, bool waits, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(key);
        IMutex mutex = _locks.Mutex(NameOf(key));
        while (true)
        {
            // In turns, because a wait without an end would also be one for a coordinator that is away. Who comes again stands at the end of the line, where any place is as good:
            // the first one creates, the others find its value.
            if (await mutex.TryAcquireAsync(waits ? _patience : TimeSpan.Zero, cancellation).ConfigureAwait(false) is { } handle)
                return new Held(handle);
            if (!waits)
                return null;
        }
    }

    /// <summary>The lock of a key.</summary>
    internal static string NameOf(string key) => NamePrefix.Length + Encoding.UTF8.GetByteCount(key) <= KeyCodec.MaxBytes
        ? NamePrefix + key
        : string.Concat(NamePrefix, "#", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))));

    private sealed class Held(LockHandle handle) : CreationLease
    {
        public override long FencingToken => handle.FencingToken;

        public override CancellationToken LostToken => handle.LostToken;

        /// <summary>Does not wait for the answer: the value is there, and those who wait for it have nothing to do with the lock. What is asked for next comes after it.</summary>
        public override ValueTask DisposeAsync()
        {
            _ = handle.ReleaseAsync().AsTask();
            return ValueTask.CompletedTask;
        }
    }
}
