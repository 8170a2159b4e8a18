using System.CommandLine;
using System.CommandLine.Parsing;

namespace Sluice.Cli.Arguments;

/// <summary>Makes options whose errors name the option, the value and what is accepted.</summary>
internal static class ToolOptions
{
    public static Option<TimeSpan?> Duration(string name, string description, TimeSpan? defaultValue) => new(name)
    {
        Description = $"{description} [default: {DurationText.Of(defaultValue)}]",
        HelpName = "DURATION",
        DefaultValueFactory = _ => defaultValue,
        CustomParser = result => DurationText.TryParse(Text(result), out TimeSpan? value)
            ? value
            : Refuse<TimeSpan?>(result, name, DurationText.Range),
    };

    public static Option<long> Count(string name, string description, long defaultValue, long min, long max) => new(name)
    {
        Description = $"{description} [default: {defaultValue:N0}]",
        HelpName = "N",
        DefaultValueFactory = _ => defaultValue,
        CustomParser = result => CountText.TryParse(Text(result), out long value) && value >= min && value <= max
            ? value
            : Refuse<long>(result, name, $"a number from {min:N0} to {max:N0}"),
    };

    public static Option<string> Choice(string name, string description, params string[] choices) => new(name)
    {
        Description = $"{description} [default: {choices[0]}]",
        HelpName = string.Join('|', choices),
        DefaultValueFactory = _ => choices[0],
        CustomParser = result => choices.Contains(Text(result))
            ? Text(result)
            : Refuse<string>(result, name, string.Join(" or ", choices)),
    };

    public static Option<string> Text(string name, string helpName, string description) => new(name)
    {
        Description = description,
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
