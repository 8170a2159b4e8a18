using System.ComponentModel;

namespace Sluice.Aggregates.Fields;

/// <summary>Refuses what a map cannot hold where an event is made.</summary>
/// <remarks>Code that generated code calls; not meant to be used directly. Stateless.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class MapContribution
{
    /// <summary>Makes a contribution one that a merge cannot refuse: without a key it is none, and a key that is a text becomes well-formed.</summary>
    /// <typeparam name="TKey">The type of the keys.</typeparam>
    /// <typeparam name="T">The type of the contributions.</typeparam>
    /// <param name="value">The contribution.</param>
    /// <param name="property">The event's property.</param>
    /// <exception cref="ArgumentException">The key is too long.</exception>
    public static KeyValuePair<TKey, T>? Accept<TKey, T>(KeyValuePair<TKey, T>? value, string property)
    {
        if (value is not { Key: { } key, Value: var contribution })
            return null;
        if (key is not string text)
            return value;
        string accepted = StringElement.Accept(text, property);
        return ReferenceEquals(accepted, text) ? value : new KeyValuePair<TKey, T>((TKey)(object)accepted, contribution);
    }

    /// <summary>Makes a contribution one that a merge cannot refuse, as far as the keys' fields are particular about what they take.</summary>
    /// <typeparam name="TKey">The type of the keys.</typeparam>
    /// <typeparam name="T">The type of the contributions.</typeparam>
    /// <param name="value">The contribution.</param>
    /// <param name="property">The event's property.</param>
    /// <param name="accept">What a key's field makes of a contribution; <see langword="null"/> is none.</param>
    /// <exception cref="ArgumentException">The key is too long, or the field does not take the contribution.</exception>
    public static KeyValuePair<TKey, T>? Accept<TKey, T>(KeyValuePair<TKey, T>? value, string property, Func<T, string, T?> accept)
        where T : struct
    {
        ArgumentNullException.ThrowIfNull(accept);
        return Accept(value, property) is { } pair && accept(pair.Value, property) is { } accepted ? new KeyValuePair<TKey, T>(pair.Key, accepted) : null;
    }

    /// <summary>Makes a contribution one that a merge cannot refuse: a text that is kept for a key becomes well-formed.</summary>
    /// <typeparam name="TKey">The type of the keys.</typeparam>
    /// <param name="value">The contribution; with a null text it is none.</param>
    /// <param name="property">The event's property.</param>
    /// <exception cref="ArgumentException">The key or the text is too long.</exception>
    public static KeyValuePair<TKey, string>? AcceptText<TKey>(KeyValuePair<TKey, string>? value, string property) =>
        Accept(value, property) is { } pair && StringElement.Accept(pair.Value, property) is { } accepted ? new KeyValuePair<TKey, string>(pair.Key, accepted) : null;
}
