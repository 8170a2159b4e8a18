namespace Sluice;

/// <summary>
/// The newest contributions by their timestamps, whatever order they arrive in (a <see cref="WindowView{T}"/>), or those with the highest scores
/// (a <see cref="ScoredView{T}"/>): of <see cref="string"/>, <see cref="long"/> or <see cref="Guid"/>. Equal values count as often as they were
/// contributed.
/// </summary>
/// <param name="size">How many contributions are kept, 1 to <see cref="MaxSize"/>.</param>
/// <remarks>
/// A string may have at most <see cref="MaxElementBytes"/> bytes of UTF-8; a longer one is refused where the event is made. Unpaired surrogates,
/// which UTF-8 cannot carry, become U+FFFD. Between equal timestamps, and between equal scores, the engine's number and its count of contributions
/// decide, so that every process keeps the same ones.
/// </remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class WindowAttribute(int size) : Attribute
{
    /// <summary>The most contributions that a window may keep.</summary>
    public const int MaxSize = 1000;

    /// <summary>The longest string that a window takes, in UTF-8 bytes.</summary>
    public const int MaxElementBytes = 65535;

    /// <summary>How many contributions are kept.</summary>
    public int Size { get; } = size;
}
