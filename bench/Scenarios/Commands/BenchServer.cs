using System.Globalization;
using System.Net;
using Sluice.Harness;

namespace Sluice.Bench.Scenarios.Commands;

/// <summary>The server of one case, shared by its variants: a private one, or the one that <c>--redis</c> names.</summary>
internal sealed class BenchServer(string? url) : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private PrivateRedisServer? _own;

    /// <summary>Where it listens, once it was started.</summary>
    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.Loopback, 0);

    /// <summary>Starts it, unless that was done.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (EndPoint.Port != 0)
                return;
            if (url is not null)
            {
                Uri uri = new(url);
                IPAddress[] addresses = await Dns.GetHostAddressesAsync(uri.Host, cancellationToken);
                EndPoint = new IPEndPoint(addresses[0], uri.Port < 0 ? 6379 : uri.Port);
                return;
            }

            if (PrivateRedisServer.Unavailable is { } reason)
                throw new Running.UsageException($"{reason}; --redis URL names another server.");
            _own = await PrivateRedisServer.StartAsync([], cancellationToken);
            EndPoint = _own.EndPoint;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>CPU time of the server's process so far.</summary>
    public async Task<TimeSpan> CpuAsync(CancellationToken cancellationToken)
    {
        string section = await RawRedisCommand.SendAsync(EndPoint, ["INFO", "cpu"], cancellationToken);
        return TimeSpan.FromSeconds(Field(section, "used_cpu_user:") + Field(section, "used_cpu_sys:"));
    }

    /// <summary>One command on a connection of its own.</summary>
    public Task<string> AskAsync(string[] command, CancellationToken cancellationToken) => RawRedisCommand.SendAsync(EndPoint, command, cancellationToken);

    /// <summary>Stops a private server; the variants of a case all call it.</summary>
    public async ValueTask DisposeAsync()
    {
        PrivateRedisServer? own = Interlocked.Exchange(ref _own, null);
        if (own is not null)
            await own.DisposeAsync();
    }

    private static double Field(string section, string name)
    {
        int at = section.IndexOf(name, StringComparison.Ordinal);
        ReadOnlySpan<char> rest = section.AsSpan(at + name.Length);
        return double.Parse(rest[..rest.IndexOfAny('\r', '\n')], CultureInfo.InvariantCulture);
    }
}
