using System.ComponentModel;

namespace Sluice.Aggregates.Fields;

/// <summary>The integers that stand for values of a type.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly. Implementations are stateless.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IOrdinalRange
{
    /// <summary>True when some value has this integer.</summary>
    /// <param name="ordinal">Any integer, for example one that came from outside.</param>
    static abstract bool IsOrdinal(long ordinal);
}

/// <summary>
/// How a type's values become integers of the same order and back, one to one: what makes the greatest and the smallest of them well defined, and
/// their bytes comparable.
/// </summary>
/// <typeparam name="T">The type.</typeparam>
/// <remarks>Code that generated code calls; not meant to be used directly. Implementations are stateless.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IOrdinal<T> : IOrdinalRange
    where T : struct
{
    /// <summary>The integer of a value.</summary>
    /// <param name="value">A value that an event accepted.</param>
    static abstract long ToOrdinal(T value);

    /// <summary>The value of an integer.</summary>
    /// <param name="ordinal">An integer for which <see cref="IOrdinalRange.IsOrdinal"/> is true.</param>
    static abstract T FromOrdinal(long ordinal);
}

/// <summary><see cref="long"/> in its own order.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Int64Ordinal : IOrdinal<long>
{
    /// <inheritdoc/>
    public static long ToOrdinal(long value) => value;

    /// <inheritdoc/>
    public static long FromOrdinal(long ordinal) => ordinal;

    /// <inheritdoc/>
    public static bool IsOrdinal(long ordinal) => true;
}

/// <summary><see cref="int"/> in its own order.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Int32Ordinal : IOrdinal<int>
{
    /// <inheritdoc/>
    public static long ToOrdinal(int value) => value;

    /// <inheritdoc/>
    public static int FromOrdinal(long ordinal) => (int)ordinal;

    /// <inheritdoc/>
    public static bool IsOrdinal(long ordinal) => ordinal is >= int.MinValue and <= int.MaxValue;
}

/// <summary>
/// <see cref="double"/> in the total order of IEEE 754: like the usual one, with -0.0 below 0.0. NaN has no ordinal: one NaN would otherwise stay
/// the extremum for ever.
/// </summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct DoubleOrdinal : IOrdinal<double>
{
    // Flipping the magnitude bits of negative numbers turns sign-and-magnitude into two's complement order; doing it twice undoes it.
    private static long Flip(long bits) => bits ^ ((bits >> 63) & long.MaxValue);

    /// <inheritdoc/>
    public static long ToOrdinal(double value) => Flip(BitConverter.DoubleToInt64Bits(value));

    /// <inheritdoc/>
    public static double FromOrdinal(long ordinal) => BitConverter.Int64BitsToDouble(Flip(ordinal));

    /// <inheritdoc/>
    public static bool IsOrdinal(long ordinal) => !double.IsNaN(FromOrdinal(ordinal));

    /// <summary>Refuses NaN where an event is made, so that a merge cannot fail.</summary>
    /// <param name="value">The contribution.</param>
    /// <param name="property">The event's property.</param>
    /// <exception cref="ArgumentException">The value is NaN.</exception>
    public static double? Accept(double? value, string property) =>
        value is { } number && double.IsNaN(number) ? throw new ArgumentException($"'{property}' is NaN, which is neither above nor below any number.", property) : value;
}

/// <summary><see cref="DateTimeOffset"/> as instants: the offset is neither compared nor kept.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct InstantOrdinal : IOrdinal<DateTimeOffset>
{
    private static readonly long LastTick = DateTimeOffset.MaxValue.UtcTicks;

    /// <inheritdoc/>
    public static long ToOrdinal(DateTimeOffset value) => value.UtcTicks;

    /// <inheritdoc/>
    public static DateTimeOffset FromOrdinal(long ordinal) => new(ordinal, TimeSpan.Zero);

    /// <inheritdoc/>
    public static bool IsOrdinal(long ordinal) => ordinal >= 0 && ordinal <= LastTick;
}

/// <summary><see cref="TimeSpan"/> in its own order.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct DurationOrdinal : IOrdinal<TimeSpan>
{
    /// <inheritdoc/>
    public static long ToOrdinal(TimeSpan value) => value.Ticks;

    /// <inheritdoc/>
    public static TimeSpan FromOrdinal(long ordinal) => new(ordinal);

    /// <inheritdoc/>
    public static bool IsOrdinal(long ordinal) => true;
}
