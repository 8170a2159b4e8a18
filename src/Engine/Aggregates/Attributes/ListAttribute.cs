namespace Sluice;

/// <summary>Which contributions a list keeps when there are more than it has room for.</summary>
public enum ListEnd
{
    /// <summary>The last ones.</summary>
    Last,

    /// <summary>The first ones.</summary>
    First,
}

/// <summary>
/// The contributions in the order of their timestamps, whatever order they arrive in: a <see cref="ListView{T}"/> of <see cref="string"/>,
/// <see cref="long"/> or <see cref="Guid"/>. When there are more than the capacity, the last ones are kept, or the first.
/// </summary>
/// <param name="capacity">How many contributions are kept, 1 to <see cref="WindowAttribute.MaxSize"/>.</param>
/// <remarks>
/// Appending in the order of arrival could not be merged: two processes would each have an order of their own. Between equal timestamps the engine's
/// number and its count of contributions decide. Strings as in a <see cref="WindowAttribute">[Window]</see>.
/// </remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class ListAttribute(int capacity) : Attribute
{
    /// <summary>How many contributions are kept.</summary>
    public int Capacity { get; } = capacity;

    /// <summary>Which ones are kept.</summary>
    public ListEnd Keep { get; set; }
}
