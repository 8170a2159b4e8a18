using System.Globalization;

namespace Sluice.Resp.Client;

/// <summary>A server's URL, taken apart and decoded. Not by <see cref="Uri"/>: its exceptions and its text hold the whole URL, the password too.</summary>
internal sealed record RespUrl
{
    public bool IsUnix { get; private init; }

    public bool IsEncrypted { get; private init; }

    public string? User { get; private init; }

    public string? Password { get; private init; }

    public string Host { get; private init; } = "";

    public int? Port { get; private init; }

    public string Path { get; private init; } = "";

    public IReadOnlyList<(string Name, string Value)> Query { get; private init; } = [];

    /// <summary>Takes a URL apart.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static RespUrl Split(string url)
    {
        int schemeEnd = url.IndexOf("://", StringComparison.Ordinal);
        string scheme = schemeEnd < 0 ? "" : url[..schemeEnd].ToLowerInvariant();
        if (scheme is not ("redis" or "rediss" or "unix"))
            throw new FormatException("A server's URL begins with redis://, rediss:// or unix://.");
        ReadOnlySpan<char> rest = url.AsSpan(schemeEnd + 3);

        // The query first: a path has no question mark, and a password's is written %3F.
        int question = rest.IndexOf('?');
        ReadOnlySpan<char> query = question < 0 ? default : rest[(question + 1)..];
        if (question >= 0)
            rest = rest[..question];

        // A password may hold any number of unescaped @; the last one ends it.
        int pathStart = rest.IndexOf('/');
        ReadOnlySpan<char> authority = pathStart < 0 ? rest : rest[..pathStart];
        string path = pathStart < 0 ? "" : Decode(rest[pathStart..]);
        int at = authority.LastIndexOf('@');
        (string? user, string? password) = at < 0 ? (null, null) : Login(authority[..at]);
        RespUrl parts = new()
        {
            IsUnix = scheme == "unix",
            IsEncrypted = scheme == "rediss",
            User = user,
            Password = password,
            Path = path,
            Query = Pairs(query),
        };
        ReadOnlySpan<char> address = authority[(at + 1)..];
        if (!parts.IsUnix)
            return parts.WithAddress(address);

        // unix://relative/path is a path too.
        return parts with { Path = Decode(address) + path };
    }

    private static (string? User, string? Password) Login(ReadOnlySpan<char> login)
    {
        int colon = login.IndexOf(':');
        return colon < 0 ? (Decode(login), null) : (colon == 0 ? null : Decode(login[..colon]), Decode(login[(colon + 1)..]));
    }

    private RespUrl WithAddress(ReadOnlySpan<char> address)
    {
        int bracket = address.IndexOf(']');
        if (address is ['[', ..])
        {
            if (bracket < 0)
                throw new FormatException("The URL's address lacks its closing bracket.");
            return this with { Host = address[1..bracket].ToString(), Port = PortOf(address[(bracket + 1)..]) };
        }

        int colon = address.IndexOf(':');
        return colon < 0
            ? this with { Host = Decode(address) }
            : this with { Host = Decode(address[..colon]), Port = PortOf(address[colon..]) };
    }

    private static int? PortOf(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return null;
        // What stands here may be a part of a password that was not escaped: the message does not repeat it.
        return text[0] == ':' && int.TryParse(text[1..], NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is >= 1 and <= ushort.MaxValue
            ? port
            : throw new FormatException("The URL's port is not a number from 1 to 65535. Characters such as / ? @ : in a password are percent-encoded.");
    }

    private static List<(string Name, string Value)> Pairs(ReadOnlySpan<char> query)
    {
        List<(string, string)> pairs = [];
        foreach (Range range in query.Split('&'))
        {
            ReadOnlySpan<char> pair = query[range];
            if (pair.IsEmpty)
                continue;
            int equals = pair.IndexOf('=');
            if (equals <= 0)
                throw new FormatException("The URL's options are written name=value.");
            pairs.Add((Decode(pair[..equals]), Decode(pair[(equals + 1)..])));
        }

        return pairs;
    }

    private static string Decode(ReadOnlySpan<char> text) => Uri.UnescapeDataString(text);
}
