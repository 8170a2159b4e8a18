namespace Sluice.Cli.Input;

/// <summary>What sessions are kept by.</summary>
internal enum KeyField
{
    Client,
    Path,
    Method,
    Protocol,
    Status,
    Referrer,
    Agent,

    /// <summary>A JSON property of any name.</summary>
    Custom,
}

/// <summary>The value of a key field.</summary>
internal static class KeyFields
{
    /// <summary>The names that <c>--key</c> takes for every format.</summary>
    public const string Names = "client, path, method, protocol, status, referrer, agent";

    public static bool TryParse(string name, out KeyField field) =>
        Enum.TryParse(name, ignoreCase: true, out field) && field != KeyField.Custom && char.IsAsciiLetter(name[0]);

    /// <summary>The bytes of the key as they were logged; empty when the line has none.</summary>
    public static ReadOnlySpan<byte> Of(in LogRecord record, KeyField field) => field switch
    {
        KeyField.Client => record.Client,
        KeyField.Path => record.Path,
        KeyField.Method => record.Method,
        KeyField.Protocol => record.Protocol,
        KeyField.Status => record.StatusText,
        KeyField.Referrer => record.Referrer,
        KeyField.Agent => record.Agent,
        KeyField.Custom => record.Custom,
        _ => throw new ArgumentOutOfRangeException(nameof(field), field, "Not a key field."),
    };
}
