using System.Diagnostics;
using Sluice.Resp;

namespace Sluice.Cli.Redis;

/// <summary>
/// A redis-server that lives as long as a command does: on a Unix socket in a folder of its own, so that it meets nobody else's port, and without persistence.
/// </summary>
internal sealed class SpawnedRedisServer : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(20);

    private const string Setsid = "/usr/bin/setsid";

    private readonly DirectoryInfo _folder;
    private readonly Process _process;

    private SpawnedRedisServer(DirectoryInfo folder, Process process)
    {
        _folder = folder;
        _process = process;
    }

    /// <summary>Where it listens.</summary>
    public string Url => $"unix://{Path.Combine(_folder.FullName, "redis.sock")}";

    /// <summary>Starts it and waits until it answers.</summary>
    /// <exception cref="ToolFailureException">There is no redis-server, or it does not start.</exception>
    public static async ValueTask<SpawnedRedisServer> StartAsync(CancellationToken cancellation)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("sluice-redis-");
        SpawnedRedisServer server = new(folder, Launch(folder));
        try
        {
            await server.WaitAsync(cancellation).ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static Process Launch(DirectoryInfo folder)
    {
        // Ctrl-C goes to everybody on the terminal, and what was read is still to be completed: where there is setsid, the server is in a session of its own.
        bool detaches = File.Exists(Setsid);
        if (!IsInstalled())
        {
            folder.Delete(recursive: true);
            throw new ToolFailureException(ExitCode.UnusableServer, "spawn needs redis-server on the PATH (Debian, Ubuntu: apt install redis-server; macOS: brew install redis), or name a server: redis://host:port");
        }

        ProcessStartInfo start = new(detaches ? Setsid : "redis-server", detaches ? ["redis-server"] : [])
        {
            UseShellExecute = false,
            ArgumentList =
            {
                "--port", "0", "--unixsocket", Path.Combine(folder.FullName, "redis.sock"), "--unixsocketperm", "700", "--dir", folder.FullName,
                "--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", Path.Combine(folder.FullName, "redis.log"),
            },
        };
        return Process.Start(start)!;
    }

    private static bool IsInstalled() => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Any(static folder => File.Exists(Path.Combine(folder, "redis-server")));

    private async ValueTask WaitAsync(CancellationToken cancellation)
    {
        RespClientOptions options = RespClientOptions.Parse(Url) with { Connections = 1, WaitForConnection = true, CommandTimeout = StartPatience };
        RespClient client = RespClient.Create(options);
        await using (client.ConfigureAwait(false))
        {
            Task answer = client.PingAsync(cancellationToken: cancellation).AsTask();
            Task end = _process.WaitForExitAsync(cancellation);
            if (await Task.WhenAny(answer, end).ConfigureAwait(false) == answer && answer.IsCompletedSuccessfully)
                return;
            await answer.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
            string log = Path.Combine(_folder.FullName, "redis.log");
            string last = File.Exists(log) ? (await File.ReadAllLinesAsync(log, cancellation).ConfigureAwait(false)).LastOrDefault() ?? "" : "";
            throw new ToolFailureException(ExitCode.UnusableServer, $"the private redis-server did not start{(last.Length > 0 ? $": {last}" : "")}");
        }
    }
}
