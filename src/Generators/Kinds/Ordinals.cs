namespace Sluice.Generators.Kinds;

/// <summary>The types that have a greatest and a smallest value whatever the order of arrival.</summary>
internal static class Ordinals
{
    public const string Supported = "long, int, double, DateTimeOffset and TimeSpan, nullable or not";

    /// <summary>The wire kind's suffix and the order of a type, or nulls.</summary>
    public static (string? Suffix, string Order) Of(string type) => type switch
    {
        "long" => ("i64", "Int64Ordinal"),
        "int" => ("i32", "Int32Ordinal"),
        "double" => ("f64", "DoubleOrdinal"),
        "global::System.DateTimeOffset" => ("time", "InstantOrdinal"),
        "global::System.TimeSpan" => ("span", "DurationOrdinal"),
        _ => (null, ""),
    };
}
