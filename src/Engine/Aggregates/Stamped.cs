namespace Sluice;

/// <summary>A value and the instant it belongs to.</summary>
/// <typeparam name="T">The type of the value.</typeparam>
/// <remarks>
/// A value without a timestamp (made by the implicit conversion) gets the session clock's when it is merged. Timestamps are instants: the offset
/// that a <see cref="DateTimeOffset"/> was given with is not kept.
/// </remarks>
public readonly record struct Stamped<T>
{
    private readonly long _utcTicksPlusOne;

    /// <summary>A value of a known instant.</summary>
    /// <param name="value">The value.</param>
    /// <param name="timestamp">The instant.</param>
    public Stamped(T value, DateTimeOffset timestamp)
    {
        Value = value;
        _utcTicksPlusOne = timestamp.UtcTicks + 1;
    }

    private Stamped(T value, long utcTicksPlusOne)
    {
        Value = value;
        _utcTicksPlusOne = utcTicksPlusOne;
    }

    /// <summary>The value.</summary>
    public T Value { get; }

    /// <summary>False when the value waits for the session clock's timestamp. Always true in a <see cref="WindowView{T}"/>.</summary>
    public bool HasTimestamp => _utcTicksPlusOne != 0;

    /// <summary>The instant, with offset zero; the default where <see cref="HasTimestamp"/> is false.</summary>
    public DateTimeOffset Timestamp => HasTimestamp ? new DateTimeOffset(_utcTicksPlusOne - 1, TimeSpan.Zero) : default;

    /// <summary>A value that gets the session clock's timestamp when it is merged.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator Stamped<T>(T value) => new(value, utcTicksPlusOne: 0);

    internal long TicksOr(long nowTicks) => HasTimestamp ? _utcTicksPlusOne - 1 : nowTicks;

    internal Stamped<T> With(T value) => new(value, _utcTicksPlusOne);

    internal static Stamped<T> FromTicks(T value, long utcTicks) => new(value, utcTicks + 1);
}
