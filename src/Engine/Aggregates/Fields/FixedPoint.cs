using System.ComponentModel;
using System.Globalization;

namespace Sluice.Aggregates.Fields;

/// <summary>Decimals as 64-bit numbers of units of their last place, so that sums of them are sums of integers.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly. Stateless; allocates nothing.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class FixedPoint
{
    private static readonly decimal[] Units = [.. Enumerable.Range(0, SumAttribute.MaxScale + 1).Select(static scale => new decimal(1, 0, 0, isNegative: false, (byte)scale))];

    /// <summary>Refuses what the scale cannot hold where an event is made, so that a merge need not round.</summary>
    /// <param name="value">The contribution.</param>
    /// <param name="property">The event's property.</param>
    /// <param name="scale">The declared number of decimal places.</param>
    /// <exception cref="ArgumentException">The value has more places, or too many digits.</exception>
    public static decimal Accept(decimal value, string property, int scale)
    {
        decimal unit = Units[scale];
        if (value > unit * long.MaxValue || value < unit * long.MinValue)
        {
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"'{property}' is {value}; with a scale of {scale} a contribution lies between {unit * long.MinValue} and {unit * long.MaxValue}."), property);
        }

        return value % unit == 0
            ? value
            : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"'{property}' is {value}, which has more than the {scale} decimal places of the field; round it first."), property);
    }

    /// <inheritdoc cref="Accept(decimal, string, int)"/>
    public static decimal? Accept(decimal? value, string property, int scale) => value is { } number ? Accept(number, property, scale) : null;

    /// <summary>The number of units of an accepted value.</summary>
    internal static long ToUnits(decimal value, int scale) => (long)(value / Units[scale]);

    /// <summary>The value of a number of units.</summary>
    internal static decimal FromUnits(long units, int scale)
    {
        ulong magnitude = units < 0 ? unchecked((ulong)-units) : (ulong)units;
        return new decimal((int)magnitude, (int)(magnitude >> 32), 0, units < 0, (byte)scale);
    }
}
