namespace Sluice;

/// <summary>
/// Makes a partial class an aggregate: its one <see cref="KeyAttribute">[Key]</see> names the resource, its other declared properties are fields
/// that many processes contribute to. The generator writes <c>Event</c> (one contribution) and <c>Definition</c> (what an engine needs).
/// </summary>
/// <param name="name">
/// The stored name, 1 to 64 characters of <c>a-z A-Z 0-9 . _ -</c>. It decides which resources are shared: renaming the class changes nothing,
/// renaming this starts anew.
/// </param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class AggregateAttribute(string name) : Attribute
{
    /// <summary>The stored name.</summary>
    public string Name { get; } = name;
}

/// <summary>The property that names the resource: <see cref="string"/>, <see cref="long"/>, <see cref="int"/> or <see cref="Guid"/>. Each aggregate has exactly one.</summary>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class KeyAttribute : Attribute;
