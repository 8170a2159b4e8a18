using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

public ref partial struct RespCommand
{
    /// <summary>Sends it; any reply that is no error will do.</summary>
    /// <param name="timeout">From this call to the reply; null: <see cref="RespClientOptions.CommandTimeout"/>, <see cref="Timeout.InfiniteTimeSpan"/>: no limit.</param>
    /// <param name="cancellationToken">Calls the waiting off. Once sent, the command runs all the same.</param>
    public ValueTask ExecuteAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        if (_client.Refusal(cancellationToken) is { } refusal)
        {
            _draft.Dispose();
            return ValueTask.FromException(refusal);
        }

        ReplySlot slot = Rent(ReplyKind.Nothing, timeout, cancellationToken);
        ValueTask task = new(slot, slot.Token);
        Send(slot);
        return task;
    }

    /// <summary>Sends it; the reply is an integer, or a string that is one.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<long> ToInt64Async(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<long, Int64Reply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is an integer, a string that is one, or null.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<long?> ToNullableInt64Async(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<long?, NullableInt64Reply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is a boolean, <c>OK</c> or a number other than 0 (true), 0 or null (false).</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<bool> ToBooleanAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<bool, BooleanReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is a double, or text that is one.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<double> ToDoubleAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<double, DoubleReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is a double, text that is one, or null.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<double?> ToNullableDoubleAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<double?, NullableDoubleReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply's bytes go into the caller's memory, which is the client's until the task has ended.</summary>
    /// <param name="destination">Where to. When it is too small the task fails with <see cref="RespBufferException"/>, which says how much there is.</param>
    /// <returns>How many bytes there were; -1 when the reply was null.</returns>
    /// <inheritdoc cref="ExecuteAsync"/>
    /// <param name="timeout"/>
    /// <param name="cancellationToken"/>
    public ValueTask<long> ToBufferAsync(Memory<byte> destination, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        SendFor<long, BufferReply>(timeout, cancellationToken, destination);

    /// <summary>Sends it; the reply's bytes come in pooled memory. Allocates the lease, not the bytes. The caller disposes it.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<RespLease> ToLeaseAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<RespLease, LeaseReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply as text, or null. Allocates the string.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<string?> ToTextAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<string?, TextReply>(timeout, cancellationToken);

    /// <summary>Sends it; any reply, as a tree. Allocates the tree.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<RespValue> ToValueAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<RespValue, ValueReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is an array of integers, or null. Allocates the array.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<long[]?> ToInt64ArrayAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<long[]?, Int64ArrayReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is an array of strings (of a map: keys and values in turn), or null. Allocates the array and the strings.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<string?[]?> ToTextArrayAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<string?[]?, TextArrayReply>(timeout, cancellationToken);

    /// <summary>Sends it; <paramref name="parse"/> makes what the caller wants of the reply, on the thread that goes on with the caller.</summary>
    /// <param name="parse">Reads the reply; what it throws, the task throws.</param>
    /// <inheritdoc cref="ExecuteAsync"/>
    /// <param name="timeout"/>
    /// <param name="cancellationToken"/>
    public ValueTask<T> ToAsync<T>(RespParser<T> parse, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(parse);
        return ParseAsync(SendFor<RespLease, FrameReply>(timeout, cancellationToken), parse);
    }

    private static async ValueTask<T> ParseAsync<T>(ValueTask<RespLease> reply, RespParser<T> parse)
    {
        using RespLease frame = await reply.ConfigureAwait(false);
        RespReader reader = new(frame.Span);
        return parse(ref reader);
    }

    private ValueTask<T> SendFor<T, TReply>(TimeSpan? timeout, CancellationToken cancellation, Memory<byte> destination = default)
        where TReply : struct, IReplyAs<T>
    {
        if (_client.Refusal(cancellation) is { } refusal)
        {
            _draft.Dispose();
            return ValueTask.FromException<T>(refusal);
        }

        ReplySlot slot = Rent(TReply.Kind, timeout, cancellation);
        slot.SetDestination(destination);
        ValueTask<T> task = TReply.TaskOf(slot);
        Send(slot);
        return task;
    }

    private readonly ReplySlot Rent(ReplyKind kind, TimeSpan? timeout, CancellationToken cancellation) =>
        _client.LinkFor(_draft.Hash).Rent(kind, new SendTerms(CommandTime.Milliseconds(timeout), cancellation));

    private void Send(ReplySlot slot)
    {
        ReadOnlySpan<byte> frame = _draft.Complete();
        if (_fallback is not null)
        {
            slot.Fallback = _fallback;
            slot.KeepFrame(frame);
        }

        _client.LinkFor(_draft.Hash).Send(frame, slot);
        _draft.Dispose();
    }
}
