using System.Globalization;
using System.Net;

namespace Sluice.Harness;

/// <summary>
/// A redis-server of its own: free port of 127.0.0.1, temporary folder, no persistence unless asked for. It may be killed, paused and started
/// again on the same port with the same files.
/// </summary>
public sealed class PrivateRedisServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string[] _configuration;
    private ProcessHost? _process;

    private PrivateRedisServer(string[] configuration)
    {
        _configuration = configuration;
        EndPoint = new IPEndPoint(IPAddress.Loopback, FreePort.Next());
    }

    /// <summary>Why no server can be started on this machine (for a visible skip), or null when one can.</summary>
    public static string? Unavailable { get; } = FindBinary() is null
        ? "redis-server is not on the PATH (Debian package redis-server; eng/test installs it when it may)"
        : null;

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Where it listens, as the engine's options want it.</summary>
    public string Url => string.Create(CultureInfo.InvariantCulture, $"redis://127.0.0.1:{EndPoint.Port}");

    /// <summary>The folder of its files.</summary>
    public string Folder => _folder.Path;

    /// <summary>The process that runs now (or ran last).</summary>
    public ProcessHost Process => _process ?? throw new InvalidOperationException("The server was never started.");

    /// <summary>Starts a server and waits until it has loaded its files and answers.</summary>
    /// <param name="configuration">Directives as on redis-server's command line, e.g. "--appendonly", "yes". They win over the defaults.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidOperationException">The server ended; the message holds what it wrote.</exception>
    public static async Task<PrivateRedisServer> StartAsync(string[] configuration, CancellationToken cancellationToken)
    {
        PrivateRedisServer server = new(configuration);
        try
        {
            await server.LaunchAsync(cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the server again after <see cref="ProcessHost.Kill"/> or <see cref="StopAsync"/>: same port, same folder, same configuration.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken)
    {
        await Process.DisposeAsync();
        await LaunchAsync(cancellationToken);
    }

    /// <summary>SIGTERM, and waits for the end: Redis saves according to its configuration.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Process.Terminate();
        await Process.ExitCode.WaitAsync(cancellationToken);
    }

    /// <summary>Sends one command on a connection of its own and returns the reply's lines, raw (types included), for tests of anything but the client.</summary>
    public Task<string> AskAsync(string[] command, CancellationToken cancellationToken) => RawRedisCommand.SendAsync(EndPoint, command, cancellationToken);

    /// <summary>Kills the server and deletes its folder.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        _folder.Dispose();
    }

    private async Task LaunchAsync(CancellationToken cancellationToken)
    {
        string binary = FindBinary() ?? throw new InvalidOperationException(Unavailable);
        string port = EndPoint.Port.ToString(CultureInfo.InvariantCulture);
        _process = ProcessHost.Start(
            binary,
            ["--bind", "127.0.0.1", "--port", port, "--dir", Folder, "--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", "", .. _configuration]);

        // Redis (and Valkey) write this line when the files are loaded and the socket listens: an event to wait for, not a loop of attempts.
        await _process.ReadLineWithAsync("eady to accept connections", cancellationToken);
        string reply = await AskAsync(["PING"], cancellationToken);
        if (reply != "+PONG")
            throw new InvalidOperationException($"The server at {Url} answered PING with '{reply}'.");
    }

    private static string? FindBinary() => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Append("/usr/bin")
        .Select(folder => Path.Combine(folder, "redis-server"))
        .FirstOrDefault(File.Exists);
}
