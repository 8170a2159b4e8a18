namespace Sluice;

/// <summary>What is kept for each key of a map: a field of the kind of the same name.</summary>
public enum MapOf
{
    /// <summary>The sum of the contributions: a type that <see cref="SumAttribute">[Sum]</see> takes.</summary>
    Sum,

    /// <summary>How often the key was contributed: <see cref="long"/>.</summary>
    Count,

    /// <summary>The greatest contribution: a type that <see cref="MaxAttribute">[Max]</see> takes.</summary>
    Max,

    /// <summary>The smallest contribution: a type that <see cref="MinAttribute">[Min]</see> takes.</summary>
    Min,

    /// <summary>The mean of the contributions: <see cref="AverageView"/>. They are <see cref="long"/> or of the <see cref="MapAttribute.ContributionType"/>.</summary>
    Average,

    /// <summary>What was taken away, from 0: a type that <see cref="DiffAttribute">[Diff]</see> takes.</summary>
    Diff,

    /// <summary>The earliest contribution: a type that <see cref="FirstAttribute">[First]</see> takes.</summary>
    First,

    /// <summary>The latest contribution: a type that <see cref="LastAttribute">[Last]</see> takes.</summary>
    Last,

    /// <summary>The newest or the highest contributions, <see cref="MapAttribute.Size"/> of each key: <see cref="WindowView{T}"/> or <see cref="ScoredView{T}"/>.</summary>
    Window,

    /// <summary>The contributions in their order, <see cref="MapAttribute.Size"/> of each key: <see cref="ListView{T}"/>.</summary>
    List,

    /// <summary>The different contributions, <see cref="MapAttribute.Size"/> of each key: <see cref="SetView{T}"/>.</summary>
    Set,

    /// <summary>How many different ones there are: <see cref="DistinctView"/>. They are <see cref="string"/> or of the <see cref="MapAttribute.ContributionType"/>.</summary>
    Distinct,

    /// <summary>How the contributions are distributed: <see cref="HistogramView"/>.</summary>
    Histogram,
}

/// <summary>
/// A field for each key, merged key by key: a <see cref="MapView{TKey, TValue}"/> with keys of type <see cref="string"/>, <see cref="long"/> or
/// <see cref="Guid"/>.
/// </summary>
/// <param name="capacity">
/// How many keys are kept, 1 to <see cref="WindowAttribute.MaxSize"/>; at most 100 where each has a sketch or a histogram, and so many that the
/// collections of all keys together have at most 10,000 elements.
/// </param>
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

    /// <summary>How many decimal places are kept of a <see cref="decimal"/>, 0 to <see cref="SumAttribute.MaxScale"/>; see <see cref="SumAttribute.Scale"/>.</summary>
    public int Scale { get; set; }

    /// <summary>How many contributions a window, a list or a set keeps for each key, 1 to <see cref="WindowAttribute.MaxSize"/>.</summary>
    public int Size { get; set; }

    /// <summary>Which contributions a list keeps.</summary>
    public ListEnd Keep { get; set; }

    /// <summary>How far a histogram's quantile may be from the contribution that it stands for; see <see cref="HistogramAttribute"/>.</summary>
    public double RelativeError { get; set; } = 0.01;

    /// <summary>The type of the contributions to averages and sketches, where it is not <see cref="long"/> or <see cref="string"/>.</summary>
    public Type? ContributionType { get; set; }
}
