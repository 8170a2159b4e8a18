using System.Globalization;

namespace Sluice.Resp;

/// <summary>Where a server listens: a host and port, or the path of a Unix-domain socket. Immutable; equal when all parts are equal.</summary>
public sealed record RespEndpoint
{
    private RespEndpoint(string? host, int port, string? unixPath)
    {
        Host = host;
        Port = port;
        UnixPath = unixPath;
    }

    /// <summary>A host name or an IP address without brackets; null for a Unix-domain socket.</summary>
    public string? Host { get; }

    /// <summary>1 to 65,535; 0 for a Unix-domain socket.</summary>
    public int Port { get; }

    /// <summary>The path of a Unix-domain socket; null for TCP.</summary>
    public string? UnixPath { get; }

    /// <summary>A server that is reached by TCP.</summary>
    /// <param name="host">A host name, or an IPv4 or IPv6 address without brackets. A name is resolved at every connect, never before.</param>
    /// <param name="port">1 to 65,535.</param>
    /// <exception cref="ArgumentException"><paramref name="host"/> is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="port"/> is not a port.</exception>
    public static RespEndpoint Tcp(string host, int port)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(host);
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, ushort.MaxValue);
        return new RespEndpoint(host, port, null);
    }

    /// <summary>A server on this machine that listens on a Unix-domain socket.</summary>
    /// <param name="path">The socket's path.</param>
    /// <exception cref="ArgumentException"><paramref name="path"/> is empty, or longer than the system allows: 108 bytes on Linux.</exception>
    public static RespEndpoint Unix(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        _ = new System.Net.Sockets.UnixDomainSocketEndPoint(path); // knows the limit of this system
        return new RespEndpoint(null, 0, path);
    }

    /// <summary><c>host:port</c>, <c>[address]:port</c> for IPv6, or <c>unix:path</c>.</summary>
    public override string ToString() =>
        UnixPath is not null ? $"unix:{UnixPath}"
        : Host!.Contains(':', StringComparison.Ordinal) ? string.Create(CultureInfo.InvariantCulture, $"[{Host}]:{Port}")
        : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");
}
