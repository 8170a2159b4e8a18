using System.Text;
using Sluice.Hashing;

namespace Sluice.Coordination;

/// <summary>The bytes that name a resource within its namespace. Immutable; compared bytewise; safe on any thread.</summary>
internal sealed class ResourceKey : IEquatable<ResourceKey>, IComparable<ResourceKey>
{
    private readonly byte[] _bytes;
    private readonly ulong _hash;

    /// <summary>Copies the bytes.</summary>
    public ResourceKey(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes.ToArray();
        _hash = XxHash64.Hash(bytes);
    }

    /// <summary>Compares keys, and finds one by bytes without making another one.</summary>
    public static ResourceKeyComparer Comparer { get; } = new();

    /// <summary>XxHash64 of the bytes, seed 0.</summary>
    public ulong Hash => _hash;

    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Which of <paramref name="partitions"/> partitions the resource belongs to: part of the stored layout.</summary>
    public int Partition(int partitions) => PartitionOf(_hash, partitions);

    /// <summary>Which partition the key with these bytes belongs to.</summary>
    public static int PartitionOf(ReadOnlySpan<byte> bytes, int partitions) => PartitionOf(XxHash64.Hash(bytes), partitions);

    public static ResourceKey Of(string text) => new(Encoding.UTF8.GetBytes(text));

    public bool Equals(ResourceKey? other) => other is not null && _hash == other._hash && _bytes.AsSpan().SequenceEqual(other._bytes);

    public override bool Equals(object? obj) => Equals(obj as ResourceKey);

    public override int GetHashCode() => (int)_hash;

    public int CompareTo(ResourceKey? other) => other is null ? 1 : _bytes.AsSpan().SequenceCompareTo(other._bytes);

    public override string ToString() => Encoding.UTF8.GetString(_bytes);

    private static int PartitionOf(ulong hash, int partitions) => (int)(hash % (uint)partitions);

    /// <summary>Equality of keys with each other and with bytes. Stateless.</summary>
    internal sealed class ResourceKeyComparer : IEqualityComparer<ResourceKey>, IAlternateEqualityComparer<ReadOnlySpan<byte>, ResourceKey>
    {
        public bool Equals(ResourceKey? x, ResourceKey? y) => x is null ? y is null : x.Equals(y);

        public int GetHashCode(ResourceKey key) => key.GetHashCode();

        public bool Equals(ReadOnlySpan<byte> alternate, ResourceKey other) => other._bytes.AsSpan().SequenceEqual(alternate);

        public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)XxHash64.Hash(alternate);

        public ResourceKey Create(ReadOnlySpan<byte> alternate) => new(alternate);
    }
}
