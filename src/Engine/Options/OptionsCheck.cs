using System.Globalization;

namespace Sluice;

/// <summary>Options are outside their ranges. The message names each option, its value and its range.</summary>
public sealed class OptionsException : ArgumentException
{
    /// <summary>Carries the faults.</summary>
    /// <param name="message">The faults, one a line.</param>
    public OptionsException(string message)
        : base(message)
    {
    }

    /// <summary>Use the constructor with a message.</summary>
    public OptionsException()
    {
    }

    /// <summary>Use the constructor with a message.</summary>
    /// <param name="message">The faults.</param>
    /// <param name="innerException">The cause.</param>
    public OptionsException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>Collects the faults of an options object, so that a person sees all of them at once.</summary>
internal sealed class OptionsCheck(string owner)
{
    private readonly List<string> _faults = [];

    /// <summary>A span as a person writes it.</summary>
    public static string Text(TimeSpan span) => span switch
    {
        { TotalMilliseconds: < 1000 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds:0.###} ms"),
        { TotalMinutes: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.###} s"),
        { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0.###} min"),
        { TotalDays: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0.###} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{span.TotalDays:0.###} days"),
    };

    public void Fail(string option, string value, string range) => _faults.Add($"{owner}.{option} is {value}; it {range}.");

    public void Range(string option, long value, long low, long high)
    {
        if (value < low || value > high)
            Fail(option, value.ToString("N0", CultureInfo.InvariantCulture), $"must be {low:N0} to {high:N0}");
    }

    public void Range(string option, TimeSpan value, TimeSpan low, TimeSpan high, string? note = null)
    {
        if (value < low || value > high)
            Fail(option, Text(value), $"must be {Text(low)} to {Text(high)}{(note is null ? "" : $" ({note})")}");
    }

    public void Positive(string option, TimeSpan? value)
    {
        if (value is { } span && span < TimeSpan.FromMilliseconds(1))
            Fail(option, Text(span), "must be at least 1 ms, or null for never");
    }

    public void Defined<T>(string option, T value)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
            Fail(option, value.ToString(), $"must be one of {string.Join(", ", Enum.GetNames<T>())}");
    }

    public void Name(string option, string? value)
    {
        if (value is not { Length: > 0 and <= 64 } || !value.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
            Fail(option, $"'{value}'", "must have 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'");
    }

    public void ThrowIfFailed()
    {
        if (_faults.Count != 0)
            throw new OptionsException(string.Join(Environment.NewLine, _faults));
    }
}
