using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Threading.Channels;

namespace Sluice.Harness;

/// <summary>
/// A child process that a test may pause, resume and kill. It never outlives its host: disposal, or the end of the test process, kills it (and what
/// it started) by process id.
/// </summary>
/// <remarks>All members may be called by any thread; lines are handed to one reader at a time.</remarks>
public sealed class ProcessHost : IAsyncDisposable
{
    private static readonly ConcurrentDictionary<int, ProcessHost> LiveHosts = new();

    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly StringBuilder _transcript = new();
    private readonly Task _pumps;

    static ProcessHost() => AppDomain.CurrentDomain.ProcessExit += static (_, _) =>
    {
        foreach (ProcessHost host in LiveHosts.Values)
            host.KillTree();
    };

    private ProcessHost(Process process, string commandLine)
    {
        _process = process;
        CommandLine = commandLine;
        Id = process.Id;
        LiveHosts[Id] = this;
        _pumps = Task.WhenAll(PumpAsync(process.StandardOutput, _lines.Writer), PumpAsync(process.StandardError, null));
        ExitCode = WaitAsync();
    }

    /// <summary>The hosts that were started and not disposed.</summary>
    public static IReadOnlyCollection<ProcessHost> Live => [.. LiveHosts.Values];

    /// <summary>The process id.</summary>
    public int Id { get; }

    /// <summary>What was started.</summary>
    public string CommandLine { get; }

    /// <summary>Completes with the exit status when the process has ended and its output was read to the end; 128 + n after signal n.</summary>
    public Task<int> ExitCode { get; }

    /// <summary>True when the process has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Everything that it wrote to standard output and standard error until now, in the order of arrival.</summary>
    public string Transcript
    {
        get
        {
            lock (_transcript)
                return _transcript.ToString();
        }
    }

    /// <summary>Standard input; closing it is the child's end of file.</summary>
    public StreamWriter StandardInput => _process.StandardInput;

    /// <summary>Starts a program.</summary>
    /// <param name="fileName">A path, or a name to be found on the PATH.</param>
    /// <param name="arguments">One element per argument; never split or quoted again.</param>
    /// <param name="environment">Variables to set (or, with null, to remove) on top of this process's own.</param>
    /// <param name="workingDirectory">Null = the current one.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program.</exception>
    public static ProcessHost Start(
        string fileName, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null, string? workingDirectory = null)
    {
        ProcessStartInfo start = new(fileName, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            WorkingDirectory = workingDirectory ?? "",
        };
        foreach ((string name, string? value) in environment ?? new Dictionary<string, string?>(StringComparer.Ordinal))
            start.Environment[name] = value;
        Process process = Process.Start(start) ?? throw new InvalidOperationException($"{fileName} did not start.");
        return new ProcessHost(process, $"{fileName} {string.Join(' ', start.ArgumentList)}");
    }

    /// <summary>Starts a .NET program with the runtime that runs this process.</summary>
    /// <param name="assemblyPath">The program's dll.</param>
    /// <param name="arguments">One element per argument.</param>
    /// <param name="environment">As in <see cref="Start"/>.</param>
    public static ProcessHost StartDotnet(string assemblyPath, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null)
    {
        // The test executables have their own apphost: the muxer is named by the variable that `dotnet` sets, or found on the PATH.
        string muxer = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        return Start(muxer, ["exec", assemblyPath, .. arguments], environment);
    }

    /// <summary>The next line of standard output, or null at its end.</summary>
    public async ValueTask<string?> ReadLineAsync(CancellationToken cancellationToken)
    {
        while (await _lines.Reader.WaitToReadAsync(cancellationToken))
        {
            if (_lines.Reader.TryRead(out string? line))
                return line;
        }

        return null;
    }

    /// <summary>Reads lines until one contains <paramref name="text"/>, and returns that one.</summary>
    /// <exception cref="InvalidOperationException">The output ended first; the message holds all of it.</exception>
    public async Task<string> ReadLineWithAsync(string text, CancellationToken cancellationToken)
    {
        while (await ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
                return line;
        }

        int exitCode = await ExitCode.WaitAsync(cancellationToken);
        throw new InvalidOperationException($"'{CommandLine}' ended with status {exitCode} and never wrote '{text}'. It wrote:\n{Transcript}");
    }

    /// <summary>SIGKILL: the process has no chance to say or save anything. Returns at once; <see cref="ExitCode"/> completes when it is gone.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
            _process.Kill();
    }

    /// <summary>SIGTERM: asks the process to end in its own way.</summary>
    public void Terminate() => ProcessSignals.Send(Id, ProcessSignals.Terminate);

    /// <summary>SIGSTOP. When it returns, no thread of the process runs: what a long pause of its machine looks like to the others.</summary>
    public void Suspend()
    {
        ProcessSignals.Send(Id, ProcessSignals.Stop);
        ProcessSignals.WaitUntilStopped(Id);
    }

    /// <summary>SIGCONT.</summary>
    public void Resume() => ProcessSignals.Send(Id, ProcessSignals.Continue);

    /// <summary>Kills the process and what it started, and returns when it is gone. A process that was suspended is killed too.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!LiveHosts.TryRemove(Id, out _))
            return;
        KillTree();
        await ExitCode;

        // Process.Dispose leaves streams open that somebody has asked for.
        _process.StandardInput.Dispose();
        _process.StandardOutput.Dispose();
        _process.StandardError.Dispose();
        _process.Dispose();
    }

    private void KillTree()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
    }

    private async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync();
        await _pumps;
        return _process.ExitCode;
    }

    private async Task PumpAsync(StreamReader from, ChannelWriter<string>? lines)
    {
        while (await from.ReadLineAsync() is { } line)
        {
            lock (_transcript)
                _transcript.AppendLine(line);
            lines?.TryWrite(line);
        }

        lines?.TryComplete();
    }
}
