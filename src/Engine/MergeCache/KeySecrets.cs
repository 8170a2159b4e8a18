using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;

namespace Sluice.Caching;

/// <summary>The hash of keys in memory, whose secrets are drawn once per process, so that nobody outside can choose keys that collide.</summary>
/// <remarks>
/// It folds 16 bytes a step with one 64 x 64 -> 128 bit multiplication whose halves are xored (the mixer of wyhash); both factors carry a
/// secret. It is independent of the hash that chooses partitions, which is public and part of the stored layout. Immutable; any thread.
/// </remarks>
internal readonly struct KeySecrets(ulong secret, ulong seed)
{
    private readonly ulong _secret = secret;
    private readonly ulong _seed = seed;

    /// <summary>The secrets of this process.</summary>
    public static KeySecrets OfProcess { get; } = Draw();

    /// <summary>A number: one step of the mixer, whose product nobody can steer without the secrets.</summary>
    public ulong Hash(ulong key) => Mix(key ^ _secret, _seed);

    public ulong Hash(Guid key)
    {
        ref ulong halves = ref Unsafe.As<Guid, ulong>(ref key);
        return Mix(Mix(halves ^ _secret, Unsafe.Add(ref halves, 1) ^ _seed) ^ 16, _seed);
    }

    public ulong Hash(ReadOnlySpan<char> key)
    {
        ref byte bytes = ref Unsafe.As<char, byte>(ref MemoryMarshal.GetReference(key));
        nuint length = (nuint)key.Length * sizeof(char);
        ulong hash = _seed;
        nuint at = 0;
        while (at + 16 < length)
        {
            hash = Mix(Read64(ref bytes, at) ^ _secret, Read64(ref bytes, at + 8) ^ hash);
            at += 16;
        }

        // The last 1 to 16 bytes are read as two words that may overlap each other (or what was read before). Keys of different lengths can read
        // alike, so the length goes in as well; and it goes in last, where no chosen key can cancel it without knowing the secrets.
        ulong low = 0, high = 0;
        if (length >= 16)
        {
            low = Read64(ref bytes, length - 16);
            high = Read64(ref bytes, length - 8);
        }
        else if (length >= 8)
        {
            low = Read64(ref bytes, 0);
            high = Read64(ref bytes, length - 8);
        }
        else if (length >= 4)
        {
            low = Unsafe.ReadUnaligned<uint>(ref bytes);
            high = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref bytes, length - 4));
        }
        else if (length == 2)
        {
            low = key[0];
        }

        return Mix(Mix(low ^ _secret, high ^ hash) ^ length, _seed);
    }

    private static KeySecrets Draw()
    {
        Span<ulong> drawn = stackalloc ulong[2];
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(drawn));
        return new KeySecrets(drawn[0] | 1, drawn[1] | 1);
    }

    private static ulong Mix(ulong a, ulong b)
    {
        // Two multiplications side by side: one that gives both halves writes the lower one to memory.
        if (Bmi2.X64.IsSupported)
            return Bmi2.X64.MultiplyNoFlags(a, b) ^ unchecked(a * b);
        ulong high = Math.BigMul(a, b, out ulong low);
        return high ^ low;
    }

    private static ulong Read64(ref byte bytes, nuint at) => Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref bytes, at));
}
