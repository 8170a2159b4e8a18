using Sluice.Cli.Arguments;
using Sluice.Resp;

namespace Sluice.Cli.Redis;

/// <summary>The servers that a command was pointed at. Their addresses are shown, their secrets never.</summary>
internal static class RedisTarget
{
    /// <summary>What names a private server instead of a URL.</summary>
    public const string Spawn = "spawn";

    /// <summary>Where a command looks when it is given no URL: a password has no business on a command line.</summary>
    public const string Variable = "SLUICE_REDIS";

    /// <summary>Makes the option.</summary>
    public static ToolOption<string?> Option(string name, string description) => ToolOptions.Text(name, "URL|spawn", $"{description}: redis://[user:password@]host[:port][/database], rediss://, unix://, several with commas; spawn starts a private redis-server [default: ${Variable}]");

    /// <summary>The URLs that were given, checked; empty: none.</summary>
    /// <exception cref="BadArgumentException">One of them is no URL.</exception>
    public static IReadOnlyList<string> Parse(string option, string? text)
    {
        text ??= Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(text))
            return [];
        if (text == Spawn)
            return [Spawn];
        string[] urls = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (string url in urls)
        {
            try
            {
                RespClientOptions.Parse(url);
            }
            catch (FormatException e)
            {
                // The text itself may hold a password: it is not repeated.
                throw new BadArgumentException($"{option} is not valid: {e.Message.TrimEnd('.')}; give redis://host:port, rediss://, unix:///path, or spawn");
            }
        }

        return urls.Length > 0 ? urls : throw new BadArgumentException($"{option} is not valid: give redis://host:port, rediss://, unix:///path, or spawn");
    }

    /// <summary>The URLs, at least one.</summary>
    /// <exception cref="BadArgumentException">There is none, or one is no URL.</exception>
    public static IReadOnlyList<string> ParseRequired(string option, string? text) =>
        Parse(option, text) is { Count: > 0 } urls ? urls : throw new BadArgumentException($"no server: give {option} redis://host:port, or set ${Variable}");

    /// <summary>The addresses, without secrets.</summary>
    public static string Display(IEnumerable<string> urls) => string.Join(", ", urls.Select(static url => RespClientOptions.Parse(url).Endpoint.ToString()));

    /// <summary>Connects a coordinator.</summary>
    /// <exception cref="ToolFailureException">The servers can't be reached, or can't be relied on.</exception>
    public static async ValueTask<RedisCoordinator> ConnectAsync(IEnumerable<string> urls, CancellationToken cancellation = default)
    {
        RedisOptions options = new() { Persistence = RedisPersistence.Ignore };
        foreach (string url in urls)
            options.Add(url);
        try
        {
            return await RedisCoordinator.ConnectAsync(options, cancellation: cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is CoordinatorException or UnsuitableServerException or OptionsException)
        {
            throw new ToolFailureException(ExitCode.UnusableServer, e.Message);
        }
    }
}
