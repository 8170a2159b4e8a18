using System.Globalization;

namespace Sluice.Harness;

/// <summary>
/// A PostgreSQL server of its own: free port of 127.0.0.1, temporary folder, everybody trusted. It does not wait for the disk: what it promises beyond the death of its process is not tested here.
/// </summary>
/// <remarks>PostgreSQL refuses to run as root; for root it runs as the user of its Debian package.</remarks>
public sealed class PrivatePostgresServer : IAsyncDisposable
{
    private const string PackageUser = "postgres";

    private readonly TemporaryFolder _folder = new();
    private readonly int _port = FreePort.Next();
    private ProcessHost? _process;

    private PrivatePostgresServer()
    {
    }

    /// <summary>Why no server can be started on this machine (for a visible skip), or null when one can.</summary>
    public static string? Unavailable { get; } = FindBinaries() is null
        ? "PostgreSQL is not installed (Debian package postgresql; eng/test installs it when it may)"
        : null;

    /// <summary>For Npgsql.</summary>
    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={_port};Username=sluice;Database=postgres");

    /// <summary>The process that runs now (or ran last).</summary>
    public ProcessHost Process => _process ?? throw new InvalidOperationException("The server was never started.");

    /// <summary>Makes a cluster, starts its server and waits until it takes connections.</summary>
    /// <exception cref="InvalidOperationException">A program ended; the message holds what it wrote.</exception>
    public static async Task<PrivatePostgresServer> StartAsync(CancellationToken cancellation)
    {
        string binaries = FindBinaries() ?? throw new InvalidOperationException(Unavailable);
        PrivatePostgresServer server = new();
        try
        {
            string files = server._folder["data"];
            if (Environment.IsPrivilegedProcess)
                await RunAsync("chown", [PackageUser, server._folder.Path], cancellation);
            await RunAsync(AsUser(Path.Combine(binaries, "initdb"), "-D", files, "-U", "sluice", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"), cancellation);

            // It writes what it does to standard error.
            string port = server._port.ToString(CultureInfo.InvariantCulture);
            string[] command = AsUser(
                "/bin/sh", "-c", "exec \"$0\" \"$@\" 2>&1", Path.Combine(binaries, "postgres"), "-D", files, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off");
            server._process = ProcessHost.Start(command[0], command[1..]);
            await server._process.ReadLineWithAsync("ready to accept connections", cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills the server and deletes its folder.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        _folder.Dispose();
    }

    private static Task RunAsync(string[] command, CancellationToken cancellation) => RunAsync(command[0], command[1..], cancellation);

    private static async Task RunAsync(string program, string[] arguments, CancellationToken cancellation)
    {
        await using ProcessHost process = ProcessHost.Start(program, arguments);
        if (await process.ExitCode.WaitAsync(cancellation) is not 0 and var status)
            throw new InvalidOperationException($"'{process.CommandLine}' ended with status {status}:\n{process.Transcript}");
    }

    private static string[] AsUser(params string[] command) =>
        Environment.IsPrivilegedProcess ? ["setpriv", "--reuid", PackageUser, "--regid", PackageUser, "--clear-groups", .. command] : command;

    /// <summary>Debian keeps them beside the PATH, by version.</summary>
    private static string? FindBinaries()
    {
        const string versions = "/usr/lib/postgresql";
        IEnumerable<string> folders = Directory.Exists(versions)
            ? Directory.EnumerateDirectories(versions).OrderByDescending(static folder => folder, StringComparer.Ordinal).Select(static folder => Path.Combine(folder, "bin"))
            : [];
        return folders
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            .FirstOrDefault(static folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")));
    }
}
