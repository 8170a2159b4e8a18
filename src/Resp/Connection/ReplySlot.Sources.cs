using System.Threading.Tasks.Sources;

namespace Sluice.Resp.Connection;

// The slot as the source of the caller's task, for every type of result.
internal sealed partial class ReplySlot :
    IValueTaskSource,
    IValueTaskSource<long>,
    IValueTaskSource<bool>,
    IValueTaskSource<double>,
    IValueTaskSource<string?>,
    IValueTaskSource<RespLease>,
    IValueTaskSource<RespValue>,
    IValueTaskSource<long?>,
    IValueTaskSource<double?>,
    IValueTaskSource<long[]?>,
    IValueTaskSource<string?[]?>
{
    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<long>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<double>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<string?>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<RespLease>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<RespValue>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<string?[]?>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<long[]?>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<double?>.GetStatus(short token) => _core.GetStatus(token);

    ValueTaskSourceStatus IValueTaskSource<long?>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<long>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<double>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<string?>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<RespLease>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<RespValue>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<long?>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<double?>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<long[]?>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource<string?[]?>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);

    void IValueTaskSource.GetResult(short token) => End(token, out _);

    long IValueTaskSource<long>.GetResult(short token) => End(token, out _);

    bool IValueTaskSource<bool>.GetResult(short token) => End(token, out _) != 0;

    double IValueTaskSource<double>.GetResult(short token) => BitConverter.Int64BitsToDouble(End(token, out _));

    string? IValueTaskSource<string?>.GetResult(short token)
    {
        End(token, out object? result);
        return (string?)result;
    }

    RespLease IValueTaskSource<RespLease>.GetResult(short token)
    {
        End(token, out object? result);
        return (RespLease)result!;
    }

    RespValue IValueTaskSource<RespValue>.GetResult(short token)
    {
        End(token, out object? result);
        return (RespValue)result!;
    }

    long? IValueTaskSource<long?>.GetResult(short token)
    {
        long number = End(token, out _, out bool isNull);
        return isNull ? null : number;
    }

    double? IValueTaskSource<double?>.GetResult(short token)
    {
        long bits = End(token, out _, out bool isNull);
        return isNull ? null : BitConverter.Int64BitsToDouble(bits);
    }

    long[]? IValueTaskSource<long[]?>.GetResult(short token)
    {
        End(token, out object? result);
        return (long[]?)result;
    }

    string?[]? IValueTaskSource<string?[]?>.GetResult(short token)
    {
        End(token, out object? result);
        return (string?[]?)result;
    }

    /// <summary>Takes the result and lets the slot go. A wrong token throws and changes nothing.</summary>
    private long End(short token, out object? result) => End(token, out result, out _);

    private long End(short token, out object? result, out bool isNull)
    {
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending)
            throw new InvalidOperationException("The command has not completed: await the task, once.");
        long number = _number;
        result = _object;
        isNull = _isNull;
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            EndByCaller();
        }

        return number;
    }
}
