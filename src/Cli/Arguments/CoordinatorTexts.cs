namespace Sluice.Cli.Arguments;

/// <summary>Checks a prefix: what keeps two applications on one server apart.</summary>
internal static class PrefixText
{
    public const string Default = "sluice";

    /// <exception cref="BadArgumentException">It is none.</exception>
    public static string Check(string prefix) =>
        prefix.Length is >= 1 and <= 64 && prefix.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
            ? prefix
            : throw new BadArgumentException($"--prefix '{prefix}' is not valid: give 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'");
}

/// <summary>Checks how long a silent worker keeps what it holds.</summary>
internal static class LeaseText
{
    /// <exception cref="BadArgumentException">It is outside the range.</exception>
    public static TimeSpan Check(Limit lease) =>
        lease.Span is { } span && span >= TimeSpan.FromMilliseconds(100) && span <= TimeSpan.FromHours(1)
            ? span
            : throw new BadArgumentException($"--lease '{DurationText.Of(lease.Span)}' is not valid: give 100ms to 1h");
}
