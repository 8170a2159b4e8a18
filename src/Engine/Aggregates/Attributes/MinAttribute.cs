namespace Sluice;

/// <summary>
/// The smallest contribution: <see cref="long"/>, <see cref="int"/>, <see cref="double"/>, <see cref="DateTimeOffset"/> or <see cref="TimeSpan"/>.
/// Declare the property nullable to tell "nothing contributed" (<see langword="null"/>) from a contributed default; a property that is not nullable
/// shows the type's default then.
/// </summary>
/// <remarks>
/// A <see cref="DateTimeOffset"/> is compared and kept as an instant, and is shown with offset zero. A <see cref="double"/> follows the IEEE 754
/// total order, so -0.0 is below 0.0; NaN has no place in it and is refused where the event is made.
/// </remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class MinAttribute : Attribute;
