using System.Runtime.InteropServices;

namespace Sluice;

/// <summary>What a value getter found: a value, perhaps with the time of its creation, or nothing (the default).</summary>
/// <typeparam name="TValue">The value.</typeparam>
[StructLayout(LayoutKind.Auto)]
public readonly struct ValueLookup<TValue>
{
    private readonly bool _isFound;
    private readonly TValue _value;

    private ValueLookup(TValue value, DateTimeOffset? createdAt)
    {
        _isFound = true;
        _value = value;
        CreatedAt = createdAt;
    }

    /// <summary>The value is not there: somebody has to create it.</summary>
    public static ValueLookup<TValue> NeedRegeneration => default;

    /// <summary>Whether there is a value.</summary>
    public bool IsFound => _isFound;

    /// <summary>The value.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public TValue Value => _isFound ? _value : throw new InvalidOperationException("Nothing was found: look at IsFound first.");

    /// <summary>When the value was created, if the getter knows.</summary>
    public DateTimeOffset? CreatedAt { get; }

    /// <summary>A value whose time of creation the dogpile knows itself.</summary>
    /// <param name="value">The value.</param>
    public static ValueLookup<TValue> Found(TValue value) => new(value, null);

    /// <summary>A value that was stored with the time of its creation.</summary>
    /// <param name="value">The value.</param>
    /// <param name="createdAt">When it was created, by the clock of whoever created it.</param>
    public static ValueLookup<TValue> Found(TValue value, DateTimeOffset createdAt) => new(value, createdAt);
}

/// <summary>Reads a value from where its creator has put it. Asked at most once in an access, and not at all by who created.</summary>
/// <typeparam name="TValue">The value.</typeparam>
/// <remarks>Immutable. The function may be called by many threads at once; it says that there is no value with its result, or by throwing
/// <see cref="NeedRegenerationException"/>.</remarks>
public sealed class ValueGetter<TValue>
{
    private readonly Func<CancellationToken, ValueTask<ValueLookup<TValue>>> _get;

    private ValueGetter(bool knowsCreationTime, Func<CancellationToken, ValueTask<ValueLookup<TValue>>> get)
    {
        ArgumentNullException.ThrowIfNull(get);
        KnowsCreationTime = knowsCreationTime;
        _get = get;
    }

    /// <summary>Whether age is judged by the times that this getter returns, rather than by when this dogpile last created.</summary>
    public bool KnowsCreationTime { get; }

    /// <summary>A getter of the value alone: its age is that of this dogpile's last creation.</summary>
    /// <param name="get">The function.</param>
    public static ValueGetter<TValue> OfValue(Func<CancellationToken, ValueTask<ValueLookup<TValue>>> get) => new(false, get);

    /// <summary>A getter of the value alone: its age is that of this dogpile's last creation.</summary>
    /// <param name="get">The function.</param>
    public static ValueGetter<TValue> OfValue(Func<ValueLookup<TValue>> get)
    {
        ArgumentNullException.ThrowIfNull(get);
        return new(false, _ => ValueTask.FromResult(get()));
    }

    /// <summary>A getter of the value and the time of its creation, as a store shared by several processes has it.</summary>
    /// <param name="get">The function. A value that it finds without a time counts as expired.</param>
    public static ValueGetter<TValue> OfValueAndTime(Func<CancellationToken, ValueTask<ValueLookup<TValue>>> get) => new(true, get);

    /// <summary>A getter of the value and the time of its creation, as a store shared by several processes has it.</summary>
    /// <param name="get">The function. A value that it finds without a time counts as expired.</param>
    public static ValueGetter<TValue> OfValueAndTime(Func<ValueLookup<TValue>> get)
    {
        ArgumentNullException.ThrowIfNull(get);
        return new(true, _ => ValueTask.FromResult(get()));
    }

    internal async ValueTask<ValueLookup<TValue>> GetAsync(CancellationToken cancellation)
    {
        try
        {
            return await _get(cancellation).ConfigureAwait(false);
        }
        catch (NeedRegenerationException)
        {
            return ValueLookup<TValue>.NeedRegeneration;
        }
    }
}
