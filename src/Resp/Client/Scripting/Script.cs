using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Sluice.Resp.Client;

namespace Sluice.Resp;

/// <summary>
/// A Lua script that a server runs by the hash of its source, which is computed here once. A server that does not know it (after a restart, a failover, SCRIPT FLUSH) gets the source, on the same
/// connection and without the caller noticing.
/// </summary>
/// <remarks>Immutable and thread-safe; make it static. Servers keep every script that they were sent: values belong into arguments, not into the source.</remarks>
public sealed class Script
{
    /// <summary>Takes a script.</summary>
    /// <param name="source">Lua.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public Script(string source)
        : this(source, name: null)
    {
    }

    /// <summary>Takes a script.</summary>
    /// <param name="source">Lua.</param>
    /// <param name="name">What measurements call it; null: nothing.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public Script(string source, string? name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        Source = source;
        SourceBytes = Encoding.UTF8.GetBytes(source);
        Sha1 = Hash(SourceBytes);
        Name = name;
        CallBytes = Encoding.ASCII.GetBytes($"$7\r\nEVALSHA\r\n$40\r\n{Sha1}\r\n");
        Fallback = new ScriptFallback(this);
    }

    /// <summary>The source.</summary>
    public string Source { get; }

    /// <summary>What measurements call it; null: nothing.</summary>
    public string? Name { get; }

    /// <summary>The hash by which servers know it: 40 hexadecimal digits in lower case.</summary>
    public string Sha1 { get; }

    internal byte[] SourceBytes { get; }

    /// <summary>The two arguments with which every call begins.</summary>
    internal byte[] CallBytes { get; }

    internal ScriptFallback Fallback { get; }

    /// <summary>Name and hash.</summary>
    public override string ToString() => Name is null ? Sha1 : $"{Name} {Sha1}";

    [SuppressMessage("Security", "CA5350", Justification = "The name that servers give a script; nothing is protected by it.")]
    private static string Hash(byte[] source) => Convert.ToHexStringLower(SHA1.HashData(source));
}
