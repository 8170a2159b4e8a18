using System.Numerics;
using System.Runtime.InteropServices;

namespace Sluice.Resp.Client;

/// <summary>Which connection a key belongs to. Keys with the same text in braces belong together, as in a cluster: <c>{user:1}:name</c>, <c>{user:1}:visits</c>.</summary>
internal static class KeyHash
{
    public static uint Of(ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> hashed = Tag(key);
        uint hash = (uint)hashed.Length;
        while (hashed.Length >= sizeof(ulong))
        {
            hash = BitOperations.Crc32C(hash, MemoryMarshal.Read<ulong>(hashed));
            hashed = hashed[sizeof(ulong)..];
        }

        foreach (byte one in hashed)
            hash = BitOperations.Crc32C(hash, one);
        // A remainder code spreads the last bytes into the high bits first.
        return hash ^ (hash >> 16);
    }

    private static ReadOnlySpan<byte> Tag(ReadOnlySpan<byte> key)
    {
        int open = key.IndexOf((byte)'{');
        if (open < 0)
            return key;
        int length = key[(open + 1)..].IndexOf((byte)'}');
        return length <= 0 ? key : key.Slice(open + 1, length);
    }
}
