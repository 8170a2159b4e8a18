using System.Security.Cryptography;
using Sluice.Fuzz.Targets;
using Sluice.Resp.Tests.Protocol;

namespace Sluice.Fuzz.Engine;

/// <summary>What went wrong, once per rule: one file with the input, one with the story.</summary>
internal sealed class Findings(string folder, string target)
{
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    public int Count => _known.Count;

    /// <summary>Failures with the same key are taken for one bug.</summary>
    public static string Key(Exception failure) => failure is OracleException oracle ? oracle.Rule : $"{failure.GetType().Name} in {TopFrame(failure)}";

    public bool IsKnown(Exception failure) => _known.Contains(Key(failure));

    /// <returns>The path of the input.</returns>
    public string Add(Exception failure, ReadOnlySpan<byte> input)
    {
        _known.Add(Key(failure));
        return Write(folder, target, Key(failure), failure.ToString(), input);
    }

    public static string Write(string folder, string target, string key, string story, ReadOnlySpan<byte> input)
    {
        Directory.CreateDirectory(folder);
        string name = string.Concat(key.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-'));
        string path = Path.Combine(folder, $"{target}-{name[..Math.Min(name.Length, 80)]}-{Hash(input)}");
        File.WriteAllBytes($"{path}.resp", input);
        File.WriteAllText($"{path}.txt", $"{story}\n\n{Notation.Escape(input)}\n");
        return $"{path}.resp";
    }

    public static string Hash(ReadOnlySpan<byte> input) => Convert.ToHexStringLower(SHA256.HashData(input).AsSpan(0, 6));

    private static string TopFrame(Exception failure) =>
        failure.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("Sluice", StringComparison.Ordinal))?.Trim() ?? "unknown code";
}
