using Sluice.Resp.Client;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    private const string NotExpiring = "An expiry is more than zero and given in whole milliseconds at most.";

    /// <summary>GET: the value goes into the caller's memory, which is the client's until the task has ended.</summary>
    /// <returns>How many bytes the value has; -1 when there is none.</returns>
    /// <exception cref="RespBufferException">The memory is too small; the exception says how much there is.</exception>
    public ValueTask<long> GetAsync(RespArgument key, Memory<byte> destination, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Get).Key(key).ToBufferAsync(destination, timeout, cancellationToken);

    /// <summary>GET: the value in pooled memory; <see cref="RespLease.IsNull"/> when there is none. The caller disposes it.</summary>
    public ValueTask<RespLease> GetLeaseAsync(RespArgument key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Get).Key(key).ToLeaseAsync(timeout, cancellationToken);

    /// <summary>GET: the value as text; null when there is none.</summary>
    public ValueTask<string?> GetTextAsync(RespArgument key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Get).Key(key).ToTextAsync(timeout, cancellationToken);

    /// <summary>GET: the value as an integer; null when there is none.</summary>
    public ValueTask<long?> GetInt64Async(RespArgument key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Get).Key(key).ToNullableInt64Async(timeout, cancellationToken);

    /// <summary>SET.</summary>
    public ValueTask SetAsync(RespArgument key, RespArgument value, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Set).Key(key).Write(value).ExecuteAsync(timeout, cancellationToken);

    /// <summary>SET with a condition or an expiry.</summary>
    /// <returns>True when the value was set; false when the condition did not hold.</returns>
    public ValueTask<bool> SetAsync(RespArgument key, RespArgument value, SetTerms terms, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        RespCommand command = Command("SET");
        command.Key(key).Write(value);
        terms.WriteTo(ref command);
        return command.ToBooleanAsync(timeout, cancellationToken);
    }

    /// <summary>INCRBY.</summary>
    /// <returns>The new value.</returns>
    public ValueTask<long> IncrementByAsync(RespArgument key, long increment, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.IncrementBy).Key(key).Write(increment).ToInt64Async(timeout, cancellationToken);

    /// <summary>DEL.</summary>
    /// <returns>True when the key was there.</returns>
    public ValueTask<bool> DeleteAsync(RespArgument key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Delete).Key(key).ToBooleanAsync(timeout, cancellationToken);

    /// <summary>EXISTS.</summary>
    /// <returns>True when the key is there.</returns>
    public ValueTask<bool> ExistsAsync(RespArgument key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Exists).Key(key).ToBooleanAsync(timeout, cancellationToken);

    /// <summary>PEXPIRE: the key disappears after this time.</summary>
    /// <param name="key">The key.</param>
    /// <param name="after">More than zero; milliseconds count, rounded up.</param>
    /// <param name="timeout">See <see cref="RespCommand.ExecuteAsync"/>.</param>
    /// <param name="cancellationToken">See <see cref="RespCommand.ExecuteAsync"/>.</param>
    /// <returns>True when the key is there.</returns>
    public ValueTask<bool> ExpireAsync(RespArgument key, TimeSpan after, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        if (after <= TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(after), after, NotExpiring);
        return Command(CommandNames.Expire).Key(key).Write((long)Math.Ceiling(after.TotalMilliseconds)).ToBooleanAsync(timeout, cancellationToken);
    }

    /// <summary>PERSIST: the key does not expire any more.</summary>
    /// <returns>True when the key is there and would have expired.</returns>
    public ValueTask<bool> PersistAsync(RespArgument key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.Persist).Key(key).ToBooleanAsync(timeout, cancellationToken);

    /// <summary>PTTL: how long the key will be there.</summary>
    /// <returns>Milliseconds; -1 when it does not expire, -2 when it is not there.</returns>
    public ValueTask<long> TimeToLiveAsync(RespArgument key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.TimeToLive).Key(key).ToInt64Async(timeout, cancellationToken);
}
