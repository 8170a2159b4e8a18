using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp;

public ref partial struct RespCommand
{
    /// <summary>Sends it; any reply that is no error will do.</summary>
    /// <param name="timeout">From this call to the reply; null: <see cref="RespClientOptions.CommandTimeout"/>, <see cref="Timeout.InfiniteTimeSpan"/>: no limit.</param>
    /// <param name="cancellationToken">Calls the waiting off. Once sent, the command runs all the same.</param>
    public ValueTask ExecuteAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask, NoReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is an integer, or a string that is one.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<long> ToInt64Async(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask<long>, Int64Reply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is an integer, a string that is one, or null.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<long?> ToNullableInt64Async(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask<long?>, NullableInt64Reply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is a boolean, <c>OK</c> or a number other than 0 (true), 0 or null (false).</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<bool> ToBooleanAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask<bool>, BooleanReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is a double, or text that is one.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<double> ToDoubleAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask<double>, DoubleReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is a double, text that is one, or null.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<double?> ToNullableDoubleAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask<double?>, NullableDoubleReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply's bytes go into the caller's memory, which is the client's until the task has ended.</summary>
    /// <param name="destination">Where to. When it is too small the task fails with <see cref="RespBufferException"/>, which says how much there is.</param>
    /// <returns>How many bytes there were; -1 when the reply was null.</returns>
    /// <inheritdoc cref="ExecuteAsync"/>
    /// <param name="timeout"/>
    /// <param name="cancellationToken"/>
    public ValueTask<long> ToBufferAsync(Memory<byte> destination, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        SendFor<ValueTask<long>, BufferReply>(timeout, cancellationToken, destination);

    /// <summary>Sends it; the reply's bytes come in pooled memory. Allocates the lease, not the bytes. The caller disposes it.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<RespLease> ToLeaseAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask<RespLease>, LeaseReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply as text, or null. Allocates the string.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<string?> ToTextAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask<string?>, TextReply>(timeout, cancellationToken);

    /// <summary>Sends it; any reply, as a tree. Allocates the tree.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<RespValue> ToValueAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask<RespValue>, ValueReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is an array of integers, or null. Allocates the array.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<long[]?> ToInt64ArrayAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask<long[]?>, Int64ArrayReply>(timeout, cancellationToken);

    /// <summary>Sends it; the reply is an array of strings (of a map: keys and values in turn), or null. Allocates the array and the strings.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public ValueTask<string?[]?> ToTextArrayAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) => SendFor<ValueTask<string?[]?>, TextArrayReply>(timeout, cancellationToken);

    /// <summary>Sends it; <paramref name="parse"/> makes what the caller wants of the reply, on the thread that goes on with the caller.</summary>
    /// <param name="parse">Reads the reply; what it throws, the task throws.</param>
    /// <inheritdoc cref="ExecuteAsync"/>
    /// <param name="timeout"/>
    /// <param name="cancellationToken"/>
    public ValueTask<T> ToAsync<T>(RespParser<T> parse, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(parse);
        return ParseAsync(SendFor<ValueTask<RespLease>, FrameReply>(timeout, cancellationToken), parse);
    }

    private static async ValueTask<T> ParseAsync<T>(ValueTask<RespLease> reply, RespParser<T> parse)
    {
        using RespLease frame = await reply.ConfigureAwait(false);
        RespReader reader = new(frame.Span);
        return parse(ref reader);
    }

    private TTask SendFor<TTask, TReply>(TimeSpan? timeout, CancellationToken cancellation, Memory<byte> destination = default)
        where TReply : struct, IReplyAs<TTask>
    {
        // What can throw comes first: behind it there is a slot, or a connection, that somebody has to give back.
        ReadOnlySpan<byte> frame = _draft.Complete();
        SendTerms terms = new(CommandTime.Milliseconds(timeout), cancellation);
        if (_route.Refusal(cancellation) is { } refusal)
        {
            _draft.Dispose();
            return TReply.Failed(refusal);
        }

        ReplySlot slot = _route.Rent(_draft.Hash, TReply.Kind, terms);
        slot.SetDestination(destination);
        TTask task = TReply.TaskOf(slot);
        if (_fallback is not null)
        {
            slot.Fallback = _fallback;
            slot.KeepFrame(frame);
        }

        _route.Observe(slot, _draft.Name, _procedure);
        CommandRoute.Watch(slot, cancellation);
        _route.Send(_draft.Hash, frame, slot);
        _draft.Dispose();
        return task;
    }
}
