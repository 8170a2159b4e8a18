namespace Sluice;

/// <summary>What is kept for each key of a map.</summary>
public enum MapOf
{
    /// <summary>The sum of the contributions: <see cref="long"/>, <see cref="int"/> or <see cref="double"/>.</summary>
    Sum,

    /// <summary>How often the key was contributed: <see cref="long"/>.</summary>
    Count,

    /// <summary>The greatest contribution: a type that <see cref="MaxAttribute">[Max]</see> takes.</summary>
    Max,

    /// <summary>The smallest contribution: a type that <see cref="MinAttribute">[Min]</see> takes.</summary>
    Min,

    /// <summary>The mean of contributions of type <see cref="long"/>: <see cref="AverageView"/>.</summary>
    Average,
}

/// <summary>
/// A value for each key, merged key by key: a <see cref="MapView{TKey, TValue}"/> with keys of type <see cref="string"/>, <see cref="long"/> or
/// <see cref="Guid"/>.
/// </summary>
/// <param name="capacity">How many keys are kept, 1 to <see cref="WindowAttribute.MaxSize"/>.</param>
/// <param name="of">What is kept for each key.</param>
/// <remarks>
/// When there are more keys than the capacity, those with the smallest hashes are kept, with their whole values: whatever order contributions arrive
/// in, the same keys are kept, and nothing that was contributed to them is missing. A sum that has become zero is not shown, but its key goes on
/// taking room. Texts as in a <see cref="WindowAttribute">[Window]</see>.
/// </remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class MapAttribute(int capacity, MapOf of) : Attribute
{
    /// <summary>How many keys are kept.</summary>
    public int Capacity { get; } = capacity;

    /// <summary>What is kept for each key.</summary>
    public MapOf Of { get; } = of;
}
