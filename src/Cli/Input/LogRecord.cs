namespace Sluice.Cli.Input;

/// <summary>One parsed line. The spans point into the line, or into the parser's scratch space: they are valid until the next line is parsed.</summary>
internal ref struct LogRecord
{
    public ReadOnlySpan<byte> Client;
    public ReadOnlySpan<byte> Method;

    /// <summary>The request target as it was logged, with its query; the whole request when it has not the form <c>METHOD target PROTOCOL</c>.</summary>
    public ReadOnlySpan<byte> Path;
    public ReadOnlySpan<byte> Protocol;
    public ReadOnlySpan<byte> Referrer;
    public ReadOnlySpan<byte> Agent;

    /// <summary>The value of the property that <c>--key</c> names, when it is none of the fields above (JSON only).</summary>
    public ReadOnlySpan<byte> Custom;

    /// <summary>The digits of the status as they were logged.</summary>
    public ReadOnlySpan<byte> StatusText;

    /// <summary>When the request was logged, in UTC ticks.</summary>
    public long Ticks;

    /// <summary>100 to 999, or 0 when a JSON line has none.</summary>
    public int Status;

    /// <summary>Bytes sent, 0 to <see cref="LogParser.MaxBytes"/>; <c>-</c> is 0.</summary>
    public long Bytes;
}

/// <summary>What is wrong with a line.</summary>
internal enum Malformation
{
    None,
    TooLong,
    NoClient,
    NoTime,
    BadTime,
    NoRequest,
    BadStatus,
    BadBytes,
    NotJson,
    NoKey,
}

/// <summary>Texts for <see cref="Malformation"/>.</summary>
internal static class MalformationText
{
    public static string Of(Malformation reason) => reason switch
    {
        Malformation.None => "nothing is wrong",
        Malformation.TooLong => $"longer than {LineReader.MaxLineLength:N0} bytes",
        Malformation.NoClient => "no client at the start",
        Malformation.NoTime => "no time",
        Malformation.BadTime => "the time is not one",
        Malformation.NoRequest => "no request in quotes",
        Malformation.BadStatus => "the status is not 100 to 999",
        Malformation.BadBytes => "the size is neither a number nor -",
        Malformation.NotJson => "not a JSON object",
        Malformation.NoKey => "nothing in the field that is the key",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "Not a malformation."),
    };
}

/// <summary>Turns a line into a record. An instance belongs to one thread.</summary>
internal abstract class LogParser
{
    /// <summary>
    /// The largest size of one response: 2^53 - 1, about 9 petabytes. It is what JSON readers hold exactly, and a thousand such lines still fit a
    /// visitor's 64-bit sum.
    /// </summary>
    public const long MaxBytes = (1L << 53) - 1;

    /// <summary>Parses one line without its line break. Never throws, whatever the bytes are.</summary>
    public abstract Malformation Parse(ReadOnlySpan<byte> line, out LogRecord record);

    /// <summary>Cuts <c>METHOD target PROTOCOL</c>; a request of another form (<c>-</c>, binary noise) is a path as a whole.</summary>
    protected static void SplitRequest(ReadOnlySpan<byte> request, ref LogRecord record)
    {
        int first = request.IndexOf((byte)' ');
        if (first <= 0)
        {
            record.Path = request;
            return;
        }

        ReadOnlySpan<byte> rest = request[(first + 1)..];
        int last = rest.LastIndexOf((byte)' ');
        ReadOnlySpan<byte> protocol = default;
        if (last >= 0 && rest[(last + 1)..].StartsWith("HTTP/"u8))
        {
            protocol = rest[(last + 1)..];
            rest = rest[..last];
        }

        if (rest.IsEmpty)
        {
            record.Path = request;
            return;
        }

        record.Method = request[..first];
        record.Path = rest;
        record.Protocol = protocol;
    }

    /// <summary>Reads digits only, at least one.</summary>
    protected static bool TryReadNumber(ReadOnlySpan<byte> digits, long max, out long value)
    {
        value = 0;
        if (digits.IsEmpty || digits.Length > 18)
            return false;
        foreach (byte digit in digits)
        {
            uint d = (uint)(digit - '0');
            if (d > 9)
                return false;
            value = (value * 10) + d;
        }

        return value <= max;
    }
}
