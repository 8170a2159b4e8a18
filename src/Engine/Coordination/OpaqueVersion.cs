using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Sluice.Coordination;

/// <summary>
/// What names a sequence of opaque deltas: SHA-1 of their bytes, in lower-case hexadecimal digits, because that is the digest that scripts of a server can
/// compute. The deltas hold random identities, and nothing but a session's own deltas is ever compared.
/// </summary>
internal static class OpaqueVersion
{
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "It tells deltas apart that engines wrote; it protects nothing.")]
    public static string Of(ReadOnlySpan<byte> deltas) => Convert.ToHexStringLower(SHA1.HashData(deltas));
}
