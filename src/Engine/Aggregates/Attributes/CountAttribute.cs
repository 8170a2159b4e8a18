namespace Sluice;

/// <summary>How many events were merged, a <see cref="long"/>: every event counts, whatever it contributes to other fields.</summary>
/// <remarks>The stored form is that of a sum to which every event contributes 1. To count some of the events, declare a <see cref="SumAttribute">[Sum]</see>.</remarks>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class CountAttribute : Attribute;
