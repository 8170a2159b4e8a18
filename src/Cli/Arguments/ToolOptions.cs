using System.CommandLine;
using System.CommandLine.Parsing;

namespace Sluice.Cli.Arguments;

/// <summary>An option with a default that the help shows as people type it.</summary>
/// <typeparam name="T">The value.</typeparam>
internal sealed class ToolOption<T>(string name, T whenMissing) : Option<T>(name)
{
    /// <summary>The value that was given, or the default.</summary>
    public T Of(ParseResult parse) => parse.GetResult(this) is null ? whenMissing : parse.GetValue(this) ?? whenMissing;
}

/// <summary>Makes options whose errors name the option, the value and what is accepted.</summary>
internal static class ToolOptions
{
    public static ToolOption<Limit> Duration(string name, string description, Limit whenMissing) => new(name, whenMissing)
    {
        Description = $"{description} [default: {DurationText.Of(whenMissing.Span)}]",
        HelpName = "DURATION",
        CustomParser = result => DurationText.TryParse(Text(result), out TimeSpan? value)
            ? new Limit(value)
            : Refuse<Limit>(result, name, DurationText.Range),
    };

    public static ToolOption<long> Count(string name, string description, long whenMissing, long min, long max) => new(name, whenMissing)
    {
        Description = $"{description} [default: {whenMissing:N0}]",
        HelpName = "N",
        CustomParser = result => CountText.TryParse(Text(result), out long value) && value >= min && value <= max
            ? value
            : Refuse<long>(result, name, $"a number from {min:N0} to {max:N0}"),
    };

    /// <summary>The first choice is the default.</summary>
    public static ToolOption<string> Choice(string name, string description, params string[] choices) => new(name, choices[0])
    {
        Description = $"{description} [default: {choices[0]}]",
        HelpName = string.Join('|', choices),
        CustomParser = result => choices.Contains(Text(result))
            ? Text(result)
            : Refuse<string>(result, name, string.Join(" or ", choices)),
    };

    public static ToolOption<string?> Text(string name, string helpName, string description, string? whenMissing = null) => new(name, whenMissing)
    {
        Description = whenMissing is null ? description : $"{description} [default: {whenMissing}]",
        HelpName = helpName,
        CustomParser = result => Text(result).Length > 0 ? Text(result) : Refuse<string>(result, name, "a text that is not empty"),
    };

    private static string Text(ArgumentResult result) => result.Tokens.Count == 0 ? "" : result.Tokens[^1].Value;

    private static T Refuse<T>(ArgumentResult result, string name, string range)
    {
        result.AddError($"{name} '{Text(result)}' is not valid: give {range}");
        return default!;
    }
}

/// <summary>A limit on how long something lasts; null = none.</summary>
internal readonly record struct Limit(TimeSpan? Span);
