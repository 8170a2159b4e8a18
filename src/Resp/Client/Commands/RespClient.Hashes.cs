using Sluice.Resp.Client;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    /// <summary>HGET: the field's value goes into the caller's memory, which is the client's until the task has ended.</summary>
    /// <returns>How many bytes the value has; -1 when there is none.</returns>
    /// <exception cref="RespBufferException">The memory is too small; the exception says how much there is.</exception>
    public ValueTask<long> HashGetAsync(RespArgument key, RespArgument field, Memory<byte> destination, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.HashGet).Key(key).Write(field).ToBufferAsync(destination, timeout, cancellationToken);

    /// <summary>HGET: the field's value in pooled memory; <see cref="RespLease.IsNull"/> when there is none. The caller disposes it.</summary>
    public ValueTask<RespLease> HashGetLeaseAsync(RespArgument key, RespArgument field, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.HashGet).Key(key).Write(field).ToLeaseAsync(timeout, cancellationToken);

    /// <summary>HGET: the field's value as text; null when there is none.</summary>
    public ValueTask<string?> HashGetTextAsync(RespArgument key, RespArgument field, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.HashGet).Key(key).Write(field).ToTextAsync(timeout, cancellationToken);

    /// <summary>HGETALL: all fields with their values as text. Empty when there is no such key.</summary>
    public ValueTask<Dictionary<string, string>> HashGetAllAsync(RespArgument key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.HashGetAll).Key(key).ToAsync(ReadPairs, timeout, cancellationToken);

    /// <summary>HSET.</summary>
    /// <returns>True when the field is new.</returns>
    public ValueTask<bool> HashSetAsync(RespArgument key, RespArgument field, RespArgument value, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.HashSet).Key(key).Write(field).Write(value).ToBooleanAsync(timeout, cancellationToken);

    /// <summary>HDEL.</summary>
    /// <returns>True when the field was there.</returns>
    public ValueTask<bool> HashDeleteAsync(RespArgument key, RespArgument field, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.HashDelete).Key(key).Write(field).ToBooleanAsync(timeout, cancellationToken);

    /// <summary>HINCRBY.</summary>
    /// <returns>The new value.</returns>
    public ValueTask<long> HashIncrementByAsync(RespArgument key, RespArgument field, long increment, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Command(CommandNames.HashIncrementBy).Key(key).Write(field).Write(increment).ToInt64Async(timeout, cancellationToken);

    private static Dictionary<string, string> ReadPairs(ref RespReader reply)
    {
        Dictionary<string, string> pairs = new(reply.Count / 2, StringComparer.Ordinal);
        string? field = null;
        foreach (RespReader item in reply.Children)
        {
            if (field is null)
            {
                field = item.ReadString()!;
                continue;
            }

            pairs[field] = item.ReadString()!;
            field = null;
        }

        return pairs;
    }
}
