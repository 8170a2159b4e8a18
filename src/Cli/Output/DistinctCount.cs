using Sluice.Hashing;

namespace Sluice.Cli.Output;

/// <summary>
/// Counts distinct byte strings in bounded memory: exactly up to <c>limit</c>, and above it from a sample of the hashes, with a typical error of
/// 1 / sqrt(limit / 2).
/// </summary>
/// <remarks>
/// Only hashes with <c>level</c> leading zero bits are kept. When more than the limit are kept, the level grows by one and half of them go; each
/// that is left then stands for 2^level. (Wegman's adaptive sampling, analysed by Flajolet, "On adaptive sampling", 1990.) Two different strings
/// with one 64-bit hash count once: among a million strings that happens with a chance of three in a hundred million.
/// </remarks>
internal sealed class DistinctCount(int limit)
{
    private readonly HashSet<ulong> _kept = [];
    private int _level;

    /// <summary>The number of distinct strings, or an estimate of it.</summary>
    public long Value => (long)_kept.Count << _level;

    /// <summary>Whether <see cref="Value"/> is exact.</summary>
    public bool IsExact => _level == 0;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        ulong hash = XxHash64.Hash(bytes);
        if (!Keeps(hash))
            return;
        _kept.Add(hash);
        while (_kept.Count > limit)
        {
            _level++;
            _kept.RemoveWhere(kept => !Keeps(kept));
        }
    }

    private bool Keeps(ulong hash) => _level == 0 || hash >> (64 - _level) == 0;
}
