using System.Text;
using Sluice.Resp.Client;

namespace Sluice.Resp;

/// <summary>
/// A library of functions that a server keeps by name (FUNCTION LOAD). A server that does not have it gets it with the first call that misses it, on the same connection.
/// </summary>
/// <remarks>Immutable and thread-safe; make it static. A library of the same name that the server has already is never replaced: use another name for another version.</remarks>
public sealed class FunctionLibrary
{
    /// <summary>Takes a library.</summary>
    /// <param name="code">The code, beginning with <c>#!lua name=...</c>.</param>
    /// <exception cref="ArgumentException">It does not begin like that.</exception>
    public FunctionLibrary(string code)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(code);
        int lineEnd = code.IndexOf('\n', StringComparison.Ordinal);
        string header = lineEnd < 0 ? code : code[..lineEnd];
        int name = header.IndexOf("name=", StringComparison.Ordinal);
        if (!header.StartsWith("#!", StringComparison.Ordinal) || name < 0)
            throw new ArgumentException("A library begins with a line like '#!lua name=mylibrary'.", nameof(code));
        Name = header[(name + "name=".Length)..].Trim().Split(' ')[0];
        Code = code;
        CodeBytes = Encoding.UTF8.GetBytes(code);
    }

    /// <summary>The name that the code gives itself.</summary>
    public string Name { get; }

    /// <summary>The code.</summary>
    public string Code { get; }

    internal byte[] CodeBytes { get; }

    /// <summary>A function of it.</summary>
    /// <param name="name">The name under which the code registers it; unique on the server.</param>
    public Function Function(string name) => new(this, name);
}

/// <summary>A function of a library. Immutable and thread-safe; make it static.</summary>
public sealed class Function
{
    internal Function(FunctionLibrary library, string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Library = library;
        Name = name;
        Fallback = new FunctionFallback(library);
    }

    /// <summary>The library.</summary>
    public FunctionLibrary Library { get; }

    /// <summary>The name.</summary>
    public string Name { get; }

    internal FunctionFallback Fallback { get; }
}
