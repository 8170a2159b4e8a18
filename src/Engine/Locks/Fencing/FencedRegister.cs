namespace Sluice;

/// <summary>
/// A value in memory that takes no write of a lock's holder that has been replaced: a write with a lower <see cref="LockHandle.FencingToken"/> than one that it has seen changes nothing. The same
/// holder may write any number of times.
/// </summary>
/// <typeparam name="TValue">What is kept. It is handed out as it is: of a mutable one, copies are the caller's business.</typeparam>
/// <remarks>
/// Thread-safe; a write allocates nothing. It guards what lives in this process; for Redis there is <see cref="FencedScript"/>, for databases the condition <c>WHERE fence &lt;= @token</c> (docs/locks.md).
/// </remarks>
/// <param name="value">What is there before the first write.</param>
public sealed class FencedRegister<TValue>(TValue value)
{
    private readonly Lock _gate = new();
    private TValue _value = value;
    private long _fence = long.MinValue;

    /// <summary>What was written last.</summary>
    public TValue Value
    {
        get
        {
            lock (_gate)
                return _value;
        }
    }

    /// <summary>The highest token that was seen, by a write or by <see cref="Raise"/>; null: none yet.</summary>
    public long? Fence
    {
        get
        {
            lock (_gate)
                return _fence == long.MinValue ? null : _fence;
        }
    }

    /// <summary>Writes, unless somebody with a higher token has been here.</summary>
    /// <param name="token">The writer's.</param>
    /// <param name="value">What to keep.</param>
    /// <returns>False: refused, nothing has changed.</returns>
    public bool TryWrite(long token, TValue value) => TryUpdate(token, value, static (_, next) => next);

    /// <summary>Writes what a function makes of the value, unless somebody with a higher token has been here.</summary>
    /// <typeparam name="TArgument">What the function is given.</typeparam>
    /// <param name="token">The writer's.</param>
    /// <param name="argument">Given to the function, so that it needs no closure.</param>
    /// <param name="update">Of the value and the argument. It runs while no other write does: keep it short. What it throws leaves the value as it was, and the token seen.</param>
    /// <returns>False: refused, the function was not called.</returns>
    public bool TryUpdate<TArgument>(long token, TArgument argument, Func<TValue, TArgument, TValue> update)
    {
        ArgumentNullException.ThrowIfNull(update);
        lock (_gate)
        {
            if (token < _fence)
                return false;
            _fence = token;
            _value = update(_value, argument);
            return true;
        }
    }

    /// <summary>Shows a token without writing: from now on lower ones are refused. What a new holder does before it reads what it is about to change.</summary>
    /// <param name="token">The holder's.</param>
    /// <returns>False: somebody with a higher token has been here.</returns>
    public bool Raise(long token) => TryUpdate(token, 0, static (value, _) => value);
}
