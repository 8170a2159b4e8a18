using System.Globalization;
using Sluice.Resp.Client;

namespace Sluice.Resp;

public sealed partial record RespClientOptions
{
    /// <summary>
    /// Reads <c>redis://[user[:password]@]host[:port][/database][?option=value&amp;...]</c>, <c>rediss://...</c> (TLS) or <c>unix://[user[:password]@]/path[?...]</c>.
    /// </summary>
    /// <remarks>
    /// <para>Options: <c>db</c>, <c>name</c> (client name), <c>connections</c>, <c>ring</c>, <c>timeout</c> and <c>connect_timeout</c> (milliseconds), <c>protocol</c> (2 or 3), <c>password</c>,
    /// <c>user</c>. What the URL does not say has its default; <c>with</c> changes the rest.</para>
    /// <para>User, password and path are percent-decoded. A user without a colon is a user: <c>redis://:secret@host</c> gives the default user's password.</para>
    /// </remarks>
    /// <exception cref="FormatException">It is no such URL. The message holds no part of the URL that may be a secret.</exception>
    /// <exception cref="ArgumentException">A value is outside its range.</exception>
    public static RespClientOptions Parse(string url)
    {
        ArgumentNullException.ThrowIfNull(url);
        RespUrl parts = RespUrl.Split(url);
        RespClientOptions options = new()
        {
            Endpoint = parts.IsUnix
                ? RespEndpoint.Unix(parts.Path.Length > 0 ? parts.Path : throw new FormatException("A unix:// URL has a path."))
                : RespEndpoint.Tcp(parts.Host.Length > 0 ? parts.Host : "localhost", parts.Port ?? DefaultPort),
            Tls = parts.IsEncrypted ? new RespTlsOptions() : null,
        };
        if (!parts.IsUnix && parts.Path.Trim('/') is { Length: > 0 } database)
            options = options with { Database = Number(database, "the database in the path") };

        string? user = parts.User, password = parts.Password;
        foreach ((string name, string value) in parts.Query)
        {
            switch (name)
            {
                case "user":
                    user = value;
                    break;
                case "password":
                    password = value;
                    break;
                default:
                    options = options.With(name, value);
                    break;
            }
        }

        if (!string.IsNullOrEmpty(password))
            options = options with { Credentials = new RespCredentials(user, password) };
        else if (!string.IsNullOrEmpty(user))
            throw new FormatException("The URL has a user but no password; a password alone is written with a colon before it: redis://:password@host.");
        options.Validate();
        return options;
    }

    private RespClientOptions With(string option, string value) => option switch
    {
        "db" => this with { Database = Number(value, option) },
        "name" => this with { ClientName = value.Length > 0 ? value : null },
        "connections" => this with { Connections = Number(value, option) },
        "ring" => this with { RingSize = Number(value, option) },
        "timeout" => this with { CommandTimeout = TimeSpan.FromMilliseconds(Number(value, option)) },
        "connect_timeout" => this with { ConnectTimeout = TimeSpan.FromMilliseconds(Number(value, option)) },
        "protocol" => this with
        {
            Protocol = value switch
            {
                "2" => RespProtocolPreference.Resp2,
                "3" => RespProtocolPreference.Resp3,
                _ => throw new FormatException("The URL's option protocol is 2 or 3."),
            },
        },
        _ => throw new FormatException("The URL has an unknown option; known are db, name, connections, ring, timeout, connect_timeout, protocol, user and password."),
    };

    private static int Number(string text, string what) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw new FormatException($"In the URL, {what} is not a number.");
}
