using System.Security.Cryptography;
using System.Text;

namespace Sluice;

/// <summary>How keys are fitted to stores that limit them.</summary>
public static class DogpileKeys
{
    /// <summary>The longest key that <see cref="Mangle"/> leaves as it is, in characters.</summary>
    public const int Longest = 200;

    private const int KeptStart = 100;

    /// <summary>Whether a name in a store may be that of a longer key.</summary>
    internal static bool MayBeMangled(string name) => name.Length == KeptStart + 1 + (2 * SHA256.HashSizeInBytes) && name[KeptStart] == '#';

    /// <summary>
    /// A key as it is, or, if it is longer than <see cref="Longest"/> characters, its start (for the person who looks into the store) and the SHA-256 of all of it.
    /// </summary>
    /// <param name="key">The key.</param>
    public static string Mangle(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Length <= Longest
            ? key
            : string.Concat(key.AsSpan(0, KeptStart), "#", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))));
    }
}
