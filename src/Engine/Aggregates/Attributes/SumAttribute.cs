namespace Sluice;

/// <summary>
/// The exact sum of all contributions, a <see cref="long"/> or an <see cref="int"/>. An event whose addition would overflow is refused whole
/// (<see cref="FieldOverflowException"/>); a sum never wraps and never rounds. Contributions may be negative.
/// </summary>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class SumAttribute : Attribute;
