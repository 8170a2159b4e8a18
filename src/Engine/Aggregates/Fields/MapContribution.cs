using System.ComponentModel;

namespace Sluice.Aggregates.Fields;

/// <summary>Refuses what a map cannot hold where an event is made.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly. Stateless.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class MapContribution
{
    /// <summary>Makes a contribution one that a merge cannot refuse: without a key it is none, and its text becomes well-formed.</summary>
    /// <typeparam name="TKey">The type of the keys.</typeparam>
    /// <typeparam name="T">The type of the contributions.</typeparam>
    /// <param name="value">The contribution.</param>
    /// <param name="property">The event's property.</param>
    /// <param name="isSum">True where infinities have no place either.</param>
    /// <exception cref="ArgumentException">The key is too long, or the number is NaN.</exception>
    public static KeyValuePair<TKey, T>? Accept<TKey, T>(KeyValuePair<TKey, T>? value, string property, bool isSum)
    {
        // For types of values the tests are decided when the code is compiled.
        if (value is not { Key: { } key, Value: var contribution })
            return null;
        if (contribution is double number)
            _ = isSum ? DoubleSumState.Accept(number, property) : DoubleOrdinal.Accept(number, property);
        if (key is not string text)
            return value;
        string accepted = StringElement.Accept(text, property);
        return ReferenceEquals(accepted, text) ? value : new KeyValuePair<TKey, T>((TKey)(object)accepted, contribution);
    }
}
