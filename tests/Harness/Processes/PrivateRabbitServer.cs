using System.Globalization;

namespace Sluice.Harness;

/// <summary>
/// A RabbitMQ broker of its own, on free ports of 127.0.0.1 and in a temporary folder, with the user guest. Two processes: the broker, and the daemon that Erlang's nodes find each other by, on a port of its own, because
/// the broker would otherwise start one for the whole machine, which stays.
/// </summary>
public sealed class PrivateRabbitServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly int _port = FreePort.Next();
    private ProcessHost? _names;
    private ProcessHost? _process;

    private PrivateRabbitServer()
    {
    }

    /// <summary>Why no broker can be started on this machine (for a visible skip), or null when one can.</summary>
    public static string? Unavailable { get; } = FindServer() is null || FindNameServer() is null
        ? "RabbitMQ is not installed (Debian package rabbitmq-server; eng/test installs it when it may)"
        : null;

    /// <summary>Where it listens, as clients want it.</summary>
    public string Url => string.Create(CultureInfo.InvariantCulture, $"amqp://guest:guest@127.0.0.1:{_port}");

    /// <summary>The broker's process.</summary>
    public ProcessHost Process => _process ?? throw new InvalidOperationException("The broker was never started.");

    /// <summary>Starts a broker and waits until it takes connections; seconds.</summary>
    /// <exception cref="InvalidOperationException">A program ended; the message holds what it wrote.</exception>
    public static async Task<PrivateRabbitServer> StartAsync(CancellationToken cancellation)
    {
        string program = FindServer() ?? throw new InvalidOperationException(Unavailable);
        PrivateRabbitServer server = new();
        try
        {
            string namePort = FreePort.Next().ToString(CultureInfo.InvariantCulture);

            // It says that it listens only in its debugging output; the broker looks for it seconds later.
            server._names = ProcessHost.Start(FindNameServer()!, ["-port", namePort, "-address", "127.0.0.1"]);
            server._process = ProcessHost.Start(program, ["-noinput"], server.Environment(namePort));
            await server._process.ReadLineWithAsync("Server startup complete", cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills both processes and deletes the folder.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        if (_names is not null)
            await _names.DisposeAsync();
        _folder.Dispose();
    }

    private Dictionary<string, string?> Environment(string namePort) => new(StringComparer.Ordinal)
    {
        // Erlang keeps its cookie at home.
        ["HOME"] = _folder.Path,
        ["ERL_EPMD_PORT"] = namePort,
        ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
        ["RABBITMQ_NODENAME"] = $"sluice{_port}@localhost",
        ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
        ["RABBITMQ_NODE_PORT"] = _port.ToString(CultureInfo.InvariantCulture),
        ["RABBITMQ_DIST_PORT"] = FreePort.Next().ToString(CultureInfo.InvariantCulture),
        ["RABBITMQ_MNESIA_BASE"] = _folder["mnesia"],
        ["RABBITMQ_LOG_BASE"] = _folder["log"],
        ["RABBITMQ_LOGS"] = "-",
        ["RABBITMQ_PID_FILE"] = _folder["pid"],

        // Files that are not there, in the place of the machine's.
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = _folder["plugins"],
        ["RABBITMQ_CONF_ENV_FILE"] = _folder["environment"],
        ["RABBITMQ_CONFIG_FILE"] = _folder["rabbitmq"],
        ["RABBITMQ_ADVANCED_CONFIG_FILE"] = _folder["advanced"],

        // The script becomes the broker instead of starting one behind itself: its process id is the one to kill.
        ["RABBITMQ_ALLOW_INPUT"] = "true",
        ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
    };

    /// <summary>The script itself: the one on the PATH refuses to run as anybody but root and the package's user.</summary>
    private static string? FindServer()
    {
        const string versions = "/usr/lib/rabbitmq/lib";
        return Directory.Exists(versions)
            ? Directory.EnumerateDirectories(versions, "rabbitmq_server-*").OrderDescending(StringComparer.Ordinal).Select(static folder => Path.Combine(folder, "sbin", "rabbitmq-server")).FirstOrDefault(File.Exists)
            : null;
    }

    private static string? FindNameServer() => (System.Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Append("/usr/bin")
        .Select(static folder => Path.Combine(folder, "epmd"))
        .FirstOrDefault(File.Exists);
}
