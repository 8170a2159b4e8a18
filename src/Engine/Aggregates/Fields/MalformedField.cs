namespace Sluice.Aggregates.Fields;

/// <summary>The error of a payload that no state has written.</summary>
internal static class MalformedField
{
    public static InvalidDataException Of(string kind, int length) => new($"A payload of {length} bytes is not the canonical form of a {kind} field.");
}
