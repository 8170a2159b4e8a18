namespace Sluice;

/// <summary>
/// The different values that were contributed: a <see cref="SetView{T}"/> of <see cref="string"/>, <see cref="long"/> or <see cref="Guid"/>.
/// </summary>
/// <param name="capacity">How many values are kept, 1 to <see cref="WindowAttribute.MaxSize"/>.</param>
/// <remarks>
/// When there are more values than the capacity, those with the smallest hashes are kept: a sample that is the same whatever order the values arrive in
/// and whoever saw them. (The first ones to arrive would differ from process to process.) To count values beyond any capacity, declare a
/// <see cref="DistinctAttribute">[Distinct]</see>. Strings as in a <see cref="WindowAttribute">[Window]</see>.
/// </remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class SetAttribute(int capacity) : Attribute
{
    /// <summary>How many values are kept.</summary>
    public int Capacity { get; } = capacity;
}
