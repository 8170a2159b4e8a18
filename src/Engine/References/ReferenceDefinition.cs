using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Sluice.Aggregates;
using Sluice.Aggregates.Wire;
using Sluice.Coordination;

namespace Sluice.Referencing;

/// <summary>
/// A set of references as an aggregate: the resource is the key, holding it is the reference, and its only field counts how often it was said to be modified, so that
/// the memberships that contributed are its times-modified.
/// </summary>
internal sealed class ReferenceDefinition(string name)
    : AggregateDefinition(new AggregateSchema(NamePrefix + name, new FieldSchema("Modifications", "sum.i64")))
{
    /// <summary>What stored names of sets begin with.</summary>
    public const string NamePrefix = "references.";

    /// <summary>The most characters of a set's name.</summary>
    public const int MaxNameLength = 53;

    /// <summary>The delta that says "modified".</summary>
    public static ReadOnlyMemory<byte> Modification { get; } = MakeModification();

    /// <summary>How others see an engine, cut to what a partition keeps of it.</summary>
    public static string HolderOf(string description)
    {
        while (Encoding.UTF8.GetByteCount(description) > ReferenceTerms.MaxHolderBytes)
            description = description[..^(char.IsSurrogate(description[^1]) && description.Length > 1 ? 2 : 1)];
        return description;
    }

    internal override byte[] FoldRecord(ReadOnlySpan<byte> record) => throw new NotSupportedException("References have no opaque fields.");

    private static byte[] MakeModification()
    {
        ArrayBufferWriter<byte> record = new();
        BinaryPrimitives.WriteInt64LittleEndian(FieldFrame.Append(record, 0, sizeof(long)), 1);
        return record.WrittenSpan.ToArray();
    }
}
